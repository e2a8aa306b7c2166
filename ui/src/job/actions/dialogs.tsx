import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import { keys } from "../../shared/api/queries";
import type { Job } from "../../shared/api/types";
import { plural } from "../../shared/format/numbers";
import { isEarlier, isFinal, promptOf } from "../../shared/format/words";
import { Confirm } from "../../shared/parts/Confirm";

export interface DialogProps {
  job: Job;
  opened: boolean;
  onClose: () => void;
}

function usePath(job: Job) {
  return { path: { job_id: job.job_id ?? "" } };
}

/** After something was done: ask again for all that is known of the job. */
export function useRefresh(job: Job): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: keys.job(job.job_id ?? "") });
}

export function CancelDialog({ job, ...dialog }: DialogProps) {
  const params = usePath(job);
  const refresh = useRefresh(job);
  return (
    <Confirm
      {...dialog}
      title="Cancel this job?"
      consequence={
        isEarlier(job)
          ? "MLflow ends it, where its runner still works on it. It keeps nothing of what was found, and cannot be resumed."
          : "The search stops within about a second. Nothing more is spent; the best prompt so far and every finished call are kept, and the job can be resumed later."
      }
      action="Cancel the job"
      danger
      onConfirm={async () => {
        await ask(api.POST(`${JOBS}/{job_id}/cancel`, { params }));
        await refresh();
      }}
    />
  );
}

export function ResumeDialog({ job, ...dialog }: DialogProps) {
  const params = usePath(job);
  const refresh = useRefresh(job);
  const spent = job.usage?.calls ?? 0;
  return (
    <Confirm
      {...dialog}
      title="Resume this job?"
      consequence={`It goes on where it stopped, within the same budget. The ${plural(spent, "call")} made so far are not paid again.`}
      action="Resume the job"
      onConfirm={async () => {
        await ask(api.POST(`${JOBS}/{job_id}/resume`, { params }));
        await refresh();
      }}
    />
  );
}

export function DeleteDialog({ job, ...dialog }: DialogProps) {
  const params = usePath(job);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const running = !isFinal(job.state?.status);
  return (
    <Confirm
      {...dialog}
      title="Delete this job?"
      consequence={
        <>
          {running && "It is stopped first. "}
          {isEarlier(job)
            ? "The job and its run are deleted in MLflow; this cannot be undone."
            : "The job, its candidates, its events and its MLflow run are deleted; this cannot be undone."}
          {job.optimized_prompt_uri && ` The prompt version ${job.optimized_prompt_uri} stays in MLflow.`}
        </>
      }
      action="Delete the job"
      danger
      onConfirm={async () => {
        await ask(api.DELETE(`${JOBS}/{job_id}`, { params }));
        await navigate({ to: "/" });
        queries.removeQueries({ queryKey: keys.job(job.job_id ?? "") });
        await queries.invalidateQueries({ queryKey: keys.jobs });
        const { name } = promptOf(job.source_prompt_uri);
        notifications.show({ message: `The job on ${name} was deleted.` });
      }}
    />
  );
}

import { notifications } from "@mantine/notifications";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import type { Candidate } from "../../shared/api/types";
import { promptOf } from "../../shared/format/words";
import { Confirm } from "../../shared/parts/Confirm";
import { useRefresh, type DialogProps } from "./dialogs";

/** Makes a candidate a prompt version, whatever the job's own policy says. */
export function RegisterDialog({ job, candidate, ...dialog }: DialogProps & { candidate: Candidate }) {
  const refresh = useRefresh(job);
  const path = { job_id: job.job_id ?? "", candidate_id: candidate.candidate_id ?? "" };
  const { name } = promptOf(job.source_prompt_uri);
  return (
    <Confirm
      {...dialog}
      title={`Register candidate ${candidate.number ?? ""}?`}
      consequence={`It becomes a new version of ${name} in MLflow, tagged with this job. No alias moves, so nothing that is in use changes. Doing it twice finds the same version.`}
      action="Register it"
      onConfirm={async () => {
        const answer = await ask(
          api.POST(`${JOBS}/{job_id}/candidates/{candidate_id}/register`, { params: { path } }),
        );
        await refresh();
        notifications.show({
          color: "green",
          title: "Registered",
          message: (answer.prompt_uris ?? []).join(", "),
        });
      }}
    />
  );
}

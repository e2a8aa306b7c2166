import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import { keys } from "../../shared/api/queries";
import type { Job, PromptEdit } from "../../shared/api/types";
import { decimalsFor, formatDifference, formatShare, plural } from "../../shared/format/numbers";
import { visible } from "../../shared/format/visible";
import type { Tone, Word } from "../../shared/format/words";
import { Badge } from "../../shared/parts/Badge";
import { Card } from "../../shared/parts/Card";
import { IntervalBar } from "../../shared/parts/IntervalBar";
import classes from "./Edits.module.css";

const STATUS: Record<string, Word> = {
  TESTING: { label: "Testing", tone: "live" },
  KEPT: { label: "Kept", tone: "good" },
  LEFT_OUT: { label: "Left out", tone: "neutral" },
  GIVEN_UP: { label: "Given up", tone: "neutral" },
};

/** What each edit is worth, with its interval; of a factorial search. */
export function Edits({ job }: { job: Job }) {
  const jobId = job.job_id ?? "";
  const { data } = useQuery({
    queryKey: [...keys.candidates(jobId), "edits"] as const,
    queryFn: async ({ signal }) => {
      const params = { path: { job_id: jobId } };
      return (await ask(api.GET(`${JOBS}/{job_id}/edits`, { params, signal }))).edits ?? [];
    },
  });
  if (!data?.length) return null;
  const measured = data.filter((edit) => edit.low !== undefined && edit.high !== undefined);
  const extent = Math.max(
    0.05,
    ...measured.flatMap((edit) => [Math.abs(edit.low ?? 0), Math.abs(edit.high ?? 0)]),
  );
  return (
    <Card title="What each edit is worth">
      <ul className={classes.edits}>
        {data.map((edit) => (
          <Edit key={edit.number} edit={edit} extent={extent} />
        ))}
      </ul>
    </Card>
  );
}

function Edit({ edit, extent }: { edit: PromptEdit; extent: number }) {
  const { label, tone } = STATUS[edit.status ?? ""] ?? { label: edit.status ?? "–", tone: "neutral" };
  return (
    <li>
      <div>
        <span>{visible(edit.text ?? "")}</span>
        <small>
          {[
            edit.kind?.toLowerCase(),
            effectOf(edit),
            edit.chance !== undefined && `helps with a chance of ${formatShare(edit.chance)}`,
            edit.calls !== undefined && plural(edit.calls, "answer"),
            visible(edit.reason ?? ""),
          ]
            .filter(Boolean)
            .join(" · ")}
        </small>
      </div>
      {edit.effect === undefined ? (
        <span />
      ) : (
        <IntervalBar
          low={edit.low ?? edit.effect}
          high={edit.high ?? edit.effect}
          value={edit.effect}
          tone={toneOf(edit)}
          extent={extent}
        />
      )}
      <Badge tone={tone}>{label}</Badge>
    </li>
  );
}

/** With its interval, as the bar beside it shows them. */
function effectOf({ effect, low, high }: PromptEdit): string | undefined {
  if (effect === undefined || low === undefined || high === undefined) return undefined;
  const show = (value: number) => formatDifference(value, decimalsFor(low, high));
  return `${show(effect)} (${show(low)} to ${show(high)})`;
}

function toneOf(edit: PromptEdit): Tone {
  if ((edit.low ?? 0) > 0) return "good";
  return (edit.high ?? 0) < 0 ? "bad" : "neutral";
}

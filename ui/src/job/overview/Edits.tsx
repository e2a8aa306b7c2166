import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import { keys } from "../../shared/api/queries";
import type { Job, PromptEdit } from "../../shared/api/types";
import { formatChance, formatDifference, plural } from "../../shared/format/numbers";
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

const KINDS: Record<string, string> = {
  FORMAT: "answer format",
  DEMONSTRATION: "worked examples",
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
  const extent = Math.max(0.05, ...data.flatMap(({ low = 0, high = 0 }) => [Math.abs(low), Math.abs(high)]));
  return (
    <Card title="What each edit is worth">
      <p className={classes.note}>
        Each edit was in the prompt for a random part of the answers. This is what it adds to the mean score,
        with its 95&nbsp;% interval.
      </p>
      <div className={classes.edits} role="table" aria-label="What each edit is worth">
        <div role="row" className={classes.head}>
          <span role="columnheader">Edit</span>
          <span role="columnheader">Against zero</span>
          <span role="columnheader" className={classes.number}>
            Adds
          </span>
          <span role="columnheader" className={classes.number}>
            Helps
          </span>
          <span role="columnheader">Outcome</span>
        </div>
        {data.map((edit) => (
          <Edit key={edit.number} edit={edit} extent={extent} />
        ))}
      </div>
    </Card>
  );
}

function Edit({ edit, extent }: { edit: PromptEdit; extent: number }) {
  const { text, kind, effect, low = effect, high = effect, chance, calls, reason } = edit;
  const { label, tone } = STATUS[edit.status ?? ""] ?? { label: edit.status ?? "–", tone: "neutral" };
  const about = [
    KINDS[kind ?? ""] ?? kind?.toLowerCase(),
    calls !== undefined && plural(calls, "answer"),
    effect === undefined && visible(reason ?? ""), // else the numbers say it
  ];
  return (
    <div role="row" className={classes.edit}>
      <div role="cell" className={classes.text}>
        <span>{visible(text ?? "")}</span>
        <small>{about.filter(Boolean).join(" · ")}</small>
      </div>
      <div role="cell" className={classes.bar}>
        {effect !== undefined && (
          <IntervalBar
            low={low ?? effect}
            high={high ?? effect}
            value={effect}
            tone={toneOf(edit)}
            extent={extent}
          />
        )}
      </div>
      <div role="cell" className={classes.number}>
        {effect === undefined ? (
          <span className={classes.unmeasured}>not measured</span>
        ) : (
          <>
            <b>{formatDifference(effect)}</b>
            <small>
              {formatDifference(low)} to {formatDifference(high)}
            </small>
          </>
        )}
      </div>
      <div
        role="cell"
        className={`${classes.number} ${classes.chance}`}
        title="How likely it is that the edit does good"
      >
        {chance !== undefined && formatChance(chance)}
      </div>
      <div role="cell" className={classes.outcome}>
        <Badge tone={tone}>{label}</Badge>
      </div>
    </div>
  );
}

function toneOf(edit: PromptEdit): Tone {
  if ((edit.low ?? 0) > 0) return "good";
  return (edit.high ?? 0) < 0 ? "bad" : "neutral";
}

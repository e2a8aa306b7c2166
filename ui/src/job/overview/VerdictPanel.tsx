import type { Job } from "../../shared/api/types";
import { concludeJob } from "../../shared/format/verdict";
import { IntervalBar } from "../../shared/parts/IntervalBar";
import classes from "./Overview.module.css";

/** The answer, in one sentence, with the interval drawn. */
export function VerdictPanel({ job }: { job: Job }) {
  const { tone, title, sentence } = concludeJob(job);
  const test = job.test_scores;
  return (
    <section className={classes.verdict} data-tone={tone} aria-label="Verdict">
      <div>
        <h2 className={classes.title}>{title}</h2>
        <p className={classes.sentence}>{sentence}</p>
      </div>
      {job.verdict && test?.difference !== undefined && (
        <div>
          <p className={classes.label}>Difference on the sealed test, with its 95&nbsp;% interval</p>
          <IntervalBar
            low={test.ci_low ?? test.difference}
            high={test.ci_high ?? test.difference}
            value={test.difference}
            tone={tone}
            labeled
          />
        </div>
      )}
    </section>
  );
}

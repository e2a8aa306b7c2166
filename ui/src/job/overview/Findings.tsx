import { isFinal } from "../../shared/format/words";
import { Boundary } from "../../shared/layout/states";
import { Change } from "./Change";
import { Edits } from "./Edits";
import type { OverviewProps } from "./Overview";
import classes from "./Overview.module.css";
import { Scorers } from "./Scorers";
import { SearchChart } from "./SearchChart";
import { Setup } from "./Setup";

/** The search and what came of it, in detail. */
export default function Findings({ job, history, candidates }: OverviewProps) {
  return (
    <>
      {(candidates?.length !== 0 || !isFinal(job.state?.status)) && (
        <div className={classes.columns}>
          <Boundary>
            <SearchChart job={job} history={history} candidates={candidates} />
          </Boundary>
          <Scorers job={job} />
        </div>
      )}
      <Boundary>
        <Change job={job} candidates={candidates} />
      </Boundary>
      {job.config?.optimizer_type === "OPTIMIZER_TYPE_FACTORIAL" && (
        <Boundary>
          <Edits job={job} />
        </Boundary>
      )}
      <Setup job={job} />
    </>
  );
}

import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { candidatesQuery } from "../shared/api/queries";
import type { Job } from "../shared/api/types";
import { Boundary, Pending } from "../shared/layout/states";
import { withBest } from "./live/best";
import type { JobHistory } from "./live/history";
import { Overview } from "./overview/Overview";
import classes from "./JobTabs.module.css";
import { TABS, type Tab } from "./search";

const CandidatesTab = lazy(() => import("./candidates/CandidatesTab"));
const ExamplesTab = lazy(() => import("./examples/ExamplesTab"));
const ActivityTab = lazy(() => import("./activity/ActivityTab"));

const route = getRouteApi("/jobs/$jobId");
const NAMES: Record<Tab, string> = {
  overview: "Overview",
  candidates: "Candidates",
  examples: "Examples",
  activity: "Activity",
};

export function JobTabs({ job, history }: { job: Job; history: JobHistory }) {
  const { tab = "overview" } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: candidates } = useQuery(candidatesQuery(job.job_id ?? ""));
  const shown = withBest(job, candidates);
  const show = (to: string | null) =>
    void navigate({ search: (now) => ({ ...now, tab: to === "overview" ? undefined : (to as Tab) }) });
  return (
    <Tabs value={tab} onChange={show} keepMounted={false}>
      <Tabs.List mb="md" className={classes.list}>
        {TABS.map((name) => (
          <Tabs.Tab key={name} value={name}>
            {NAMES[name]}
            {name === "candidates" && candidates?.length ? ` ${candidates.length}` : ""}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {TABS.map((name) => (
        <Tabs.Panel key={name} value={name}>
          <Boundary>
            <Suspense fallback={<Pending />}>
              {name === "overview" && <Overview job={shown} history={history} candidates={candidates} />}
              {name === "candidates" && <CandidatesTab job={shown} candidates={candidates} />}
              {name === "examples" && <ExamplesTab job={shown} candidates={candidates} />}
              {name === "activity" && <ActivityTab job={job} history={history} />}
            </Suspense>
          </Boundary>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

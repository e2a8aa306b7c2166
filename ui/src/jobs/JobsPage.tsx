import { Button, Group, Skeleton, Stack, Title } from "@mantine/core";
import { useWindowScroll } from "@mantine/hooks";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { ApiError } from "../shared/api/errors";
import { plural } from "../shared/format/numbers";
import { Failure, Retrying } from "../shared/layout/states";
import { Badge } from "../shared/parts/Badge";
import { shownColumns } from "./columns";
import { Empty, NothingFound } from "./Empty";
import { Facets } from "./Facets";
import { FilterBox } from "./FilterBox";
import { JobTable } from "./JobTable";
import classes from "./Jobs.module.css";
import { filterOf, isNarrowed, nextSort, orderByOf, sortOf, type JobsSearch } from "./search";
import { useJobs } from "./use-jobs";

const Bulk = lazy(() => import("./Bulk"));

const route = getRouteApi("/");
const TOP_PX = 120;

/** All jobs, as they are now. */
export function JobsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [{ y }] = useWindowScroll();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { filter, offset } = filterOf(search);
  const list = useJobs(filter, orderByOf(search), y < TOP_PX);
  const { jobs, more, loadMore } = list;
  const selected = useMemo(() => jobs.filter((job) => chosen.has(job.job_id ?? "")), [jobs, chosen]);
  const columns = useMemo(() => shownColumns(search.hide), [search.hide]);
  const tagKeys = useMemo(
    () => [...new Set(jobs.flatMap((job) => (job.tags ?? []).map((tag) => tag.key ?? "")))],
    [jobs],
  );
  const change = (changes: Partial<JobsSearch>) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true, resetScroll: false });
  const onEnd = useCallback(() => {
    if (more) loadMore();
    // loadMore is made anew each time; whether there is more is what counts.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [more]);

  const refused = list.error instanceof ApiError && list.error.status === 400;
  const empty = !list.pending && !list.error && jobs.length === 0;
  if (empty && !isNarrowed(search)) return <Empty />;
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Title order={1} className={classes.title}>
          Jobs
        </Title>
        {list.stream === "lost" && <Badge tone="warn">Connection lost, trying again</Badge>}
      </Group>
      <div className={classes.tools}>
        <FilterBox
          value={search.filter ?? ""}
          onSubmit={(text) => change({ filter: text.trim() || undefined })}
          error={list.error}
          offset={offset}
          tagKeys={tagKeys}
        />
        <Group gap={6}>
          <Facets search={search} onChange={change} />
        </Group>
      </div>
      {selected.length > 0 && (
        <Suspense>
          <Bulk jobs={selected} onDone={() => setChosen(new Set())} />
        </Suspense>
      )}
      {list.waiting > 0 && (
        <Button size="xs" radius="xl" className={classes.waiting} onClick={() => scrollTo({ top: 0 })}>
          {plural(list.waiting, "new job")}
        </Button>
      )}
      {list.error && !refused && <Failure error={list.error} onRetry={list.reload} />}
      {list.pending ? (
        <Stack gap={6} aria-busy aria-label="Loading jobs">
          <Retrying error={list.trouble} />
          {Array.from({ length: 12 }, (_, row) => (
            <Skeleton key={row} h={40} />
          ))}
        </Stack>
      ) : empty ? (
        <NothingFound
          onClear={() =>
            change({
              filter: undefined,
              status: undefined,
              verdict: undefined,
              optimizer: undefined,
              kind: undefined,
            })
          }
        />
      ) : (
        jobs.length > 0 && (
          <JobTable
            jobs={jobs}
            columns={columns}
            sort={sortOf(search)}
            onSort={(key) => change({ sort: nextSort(search, key) })}
            selected={chosen}
            onSelect={setChosen}
            onEnd={onEnd}
          />
        )
      )}
    </Stack>
  );
}

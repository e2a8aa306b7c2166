import { Button, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useQueries } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { inputsQuery, jobQuery } from "../shared/api/queries";
import { Failure, Pending } from "../shared/layout/states";
import { CostChart } from "./CostChart";
import { PairedTests } from "./PairedTests";
import { Prompts } from "./Prompts";
import { MAX_COMPARED } from "./search";
import { Table } from "./Table";

const route = getRouteApi("/compare");

/** Two to six jobs side by side. */
export function ComparePage() {
  const { jobs: ids } = route.useSearch();
  const found = useQueries({ queries: ids.map((id) => jobQuery(id)) });
  const inputs = useQueries({ queries: ids.map((id) => inputsQuery(id)) });
  const [base, setBase] = useState("");
  useDocumentTitle(`Compare ${ids.length} jobs · Burnish`);
  if (ids.length < 2) return <TooFew />;
  if (found.some((query) => query.isPending)) return <Pending />;
  // One may be deleted, or not for this user; the others are compared all the same.
  const lost = found.flatMap((query, at) =>
    query.error && !query.data ? [{ id: ids[at] ?? "", query }] : [],
  );
  const jobs = found.flatMap(({ data }) => (data ? [data] : []));
  const baseJob = jobs.find((job) => job.job_id === base) ?? jobs[0] ?? {};
  const others = jobs.filter((job) => job !== baseJob);
  return (
    <Stack gap="md">
      <Title order={1}>Compare {ids.length} jobs</Title>
      {lost.map(({ id, query }) => (
        <Failure
          key={id}
          title={`Job ${id} is left out`}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ))}
      {jobs.length >= 2 && (
        <>
          <Table jobs={jobs} inputs={inputs.flatMap(({ data }, at) => (found[at]?.data ? [data] : []))} />
          <PairedTests base={baseJob} others={others} onBase={setBase} />
          <CostChart jobs={jobs} />
          <Prompts base={baseJob} others={others} />
        </>
      )}
    </Stack>
  );
}

function TooFew() {
  return (
    <Stack align="center" mt="12vh" gap="xs">
      <Title order={1}>Compare jobs</Title>
      <Text c="dimmed">Select two to {MAX_COMPARED} jobs in the list, then press Compare.</Text>
      <Button component={Link} to="/" variant="light" mt="md">
        To the jobs
      </Button>
    </Stack>
  );
}

import { Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Failure } from "../../shared/layout/states";
import { TextBlock } from "../../shared/parts/TextBlock";
import classes from "./Examples.module.css";
import { exampleQuery } from "./queries";

/** What was asked and what was expected. */
export function Record({ jobId, exampleId }: { jobId: string; exampleId: string }) {
  const { data, error, refetch, isPending } = useQuery(exampleQuery(jobId, exampleId));
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (isPending) return <Skeleton h={64} />;
  if (data === null) {
    return (
      <Text size="sm" c="dimmed">
        The record is not kept with this job.
      </Text>
    );
  }
  const inputs = Object.entries(data.inputs ?? {});
  const expectations = Object.entries(data.expectations ?? {});
  return (
    <div className={classes.sides}>
      {inputs.map(([name, value]) => (
        <TextBlock key={name} label={name} text={textOf(value)} />
      ))}
      {expectations.map(([name, value]) => (
        <TextBlock key={name} label={`expected: ${name}`} text={textOf(value)} />
      ))}
    </div>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

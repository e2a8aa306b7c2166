import { Button, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Job } from "../shared/api/types";

/** Instead of a job that is not there, or not any more. */
export function JobGone({ jobId, last }: { jobId: string; last: Job | undefined }) {
  return (
    <Stack align="center" mt="12vh" gap="xs" ta="center">
      <Title order={1}>{last ? "This job has been deleted" : "There is no such job"}</Title>
      <Text c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {jobId}
      </Text>
      {last?.optimized_prompt_uri && (
        <Text c="dimmed">The prompt version it made, {last.optimized_prompt_uri}, is still in MLflow.</Text>
      )}
      <Button component={Link} to="/" variant="light" mt="md">
        To the jobs
      </Button>
    </Stack>
  );
}

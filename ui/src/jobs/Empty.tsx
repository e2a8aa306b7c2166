import { Button, Code, Group, Stack, Text, Title } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { api, ask } from "../shared/api/client";
import { ApiError, messageOf } from "../shared/api/errors";
import { JOBS } from "../shared/api/paths";
import { demoQuery } from "../shared/api/queries";
import { Failure } from "../shared/layout/states";

const COMMAND = "burnish optimize --prompt prompt.txt --data examples.jsonl --scorer exact_match";

/** An empty store: how to begin. */
export function Empty() {
  const navigate = useNavigate();
  const described = useQuery(demoQuery());
  const refused = described.error instanceof ApiError && described.error.status === 403;
  const demo = useMutation({
    mutationFn: () => ask(api.POST(`${JOBS}/demo`, {})),
    onSuccess: ({ job }) => navigate({ to: "/jobs/$jobId", params: { jobId: job?.job_id ?? "" } }),
  });
  return (
    <Stack align="center" gap="sm" mt="10vh" ta="center">
      <Title order={1}>No jobs yet</Title>
      <Text c="dimmed" maw={560}>
        A job takes a prompt, labelled examples, a scorer and a budget. It looks for a better prompt, and
        scores both on a test that the search never saw.
      </Text>
      <Group mt="xs">
        {!refused && (
          <Button
            leftSection={<IconPlayerPlay size={16} />}
            disabled={described.isPending}
            loading={demo.isPending}
            onClick={() => demo.mutate()}
          >
            Run the demo job
          </Button>
        )}
        <Button component={Link} to="/new" variant={refused ? "filled" : "default"}>
          New job
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        {refused
          ? `The demo job is not offered to you: ${messageOf(described.error)}.`
          : "The demo runs on sample reviews and a small model inside this server: no key, nothing leaves the machine."}
      </Text>
      {demo.error && <Failure error={demo.error} onRetry={() => demo.mutate()} />}
      <Text size="sm" c="dimmed" mt="lg">
        or from a terminal:
      </Text>
      <Code block>{COMMAND}</Code>
    </Stack>
  );
}

export function NothingFound({ onClear }: { onClear: () => void }) {
  return (
    <Stack align="center" gap="xs" my="8vh" ta="center">
      <Text fw={600}>No job matches</Text>
      <Text c="dimmed" size="sm">
        None of the jobs here is like that.
      </Text>
      <Button variant="default" size="xs" onClick={onClear}>
        Show all jobs
      </Button>
    </Stack>
  );
}

import { Button, Code, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";

const COMMAND = "burnish optimize --prompt prompt.txt --data examples.jsonl --scorer exact_match";

/** An empty store: how to begin. */
export function Empty() {
  return (
    <Stack align="center" gap="sm" mt="10vh" ta="center">
      <Title order={1}>No jobs yet</Title>
      <Text c="dimmed" maw={560}>
        A job takes a prompt, labelled examples, a scorer and a budget. It looks for a better prompt, and
        scores both on a test that the search never saw.
      </Text>
      <Group mt="xs">
        <Button component={Link} to="/new">
          New job
        </Button>
      </Group>
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

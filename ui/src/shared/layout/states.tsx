import { Alert, Button, Center, Code, Loader, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link, type ErrorComponentProps } from "@tanstack/react-router";
import { Component, type ReactNode } from "react";
import { ApiError, isOutdated, messageOf } from "../api/errors";

export function Pending() {
  return (
    <Center mih={240}>
      <Loader size="sm" aria-label="Loading" />
    </Center>
  );
}

export function NotFound() {
  return (
    <Stack align="center" mt="12vh" gap="xs">
      <Title order={1}>There is no such page</Title>
      <Text c="dimmed">The address may be cut off, or what it showed has been deleted.</Text>
      <Button component={Link} to="/" variant="light" mt="md">
        To the jobs
      </Button>
    </Stack>
  );
}

export interface FailureProps {
  error: unknown;
  title?: string;
  onRetry?: () => void;
}

/** What went wrong, with every problem the server names, and a way to try again. */
export function Failure({ error, title = "This did not work", onRetry }: FailureProps) {
  if (isOutdated(error)) return <Outdated />;
  const problems = error instanceof ApiError ? error.problems : [];
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={title} role="alert">
      <Stack gap="xs" align="flex-start">
        {problems.length === 0 && <Text size="sm">{messageOf(error)}</Text>}
        {problems.map((problem, position) => (
          <Text size="sm" key={position}>
            <Code>{problem.field}</Code> {problem.value && <Code>{problem.value}</Code>} {problem.remedy}
          </Text>
        ))}
        {onRetry && (
          <Button size="xs" variant="light" color="red" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** A part of the page that is loaded when it is needed has another name now, or the server is away. */
function Outdated() {
  return (
    <Alert
      color="yellow"
      icon={<IconAlertTriangle size={18} />}
      title="This part cannot be loaded"
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">Burnish has been updated since this page was opened, or its server is away.</Text>
        <Button size="xs" variant="light" color="yellow" onClick={() => window.location.reload()}>
          Reload the page
        </Button>
      </Stack>
    </Alert>
  );
}

/** Why nothing has come yet, while it is asked for again. */
export function Retrying({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={18} />} role="status">
      {messageOf(error)} Trying again.
    </Alert>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  return <Failure error={error} onRetry={reset} />;
}

/** Keeps a fault of one part from taking the page along. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <Failure error={this.state.error} onRetry={() => this.setState({ error: undefined })} />;
  }
}

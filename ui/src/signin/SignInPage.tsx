import { Button, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { messageOf } from "../shared/api/errors";
import { facts } from "../shared/api/server";
import { signIn } from "../shared/api/session";
import { safeBack } from "./search";

const route = getRouteApi("/signin");

export function SignInPage() {
  return facts.signIn ? <TokenForm /> : <AskedByTheBrowser />;
}

/** MLflow's users: the browser's own dialog asks for them, and was dismissed. */
function AskedByTheBrowser() {
  const { back } = route.useSearch();
  const router = useRouter();
  return (
    <Paper withBorder p="xl" maw={420} mx="auto" mt="10vh">
      <Stack>
        <Title order={1}>Sign in</Title>
        <Text c="dimmed" size="sm">
          This server asks for your MLflow user name and password, in your browser's own dialog.
        </Text>
        <Button component="a" href={router.basepath.replace(/\/$/, "") + safeBack(back)}>
          Ask me again
        </Button>
      </Stack>
    </Paper>
  );
}

function TokenForm() {
  const { back } = route.useSearch();
  const router = useRouter();
  const queries = useQueryClient();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: SyntheticEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(token);
      await queries.resetQueries();
      router.history.push(router.basepath.replace(/\/$/, "") + safeBack(back));
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Paper
      component="form"
      onSubmit={(event) => void submit(event)}
      withBorder
      p="xl"
      maw={420}
      mx="auto"
      mt="10vh"
    >
      <Stack>
        <Title order={1}>Sign in</Title>
        <Text c="dimmed" size="sm">
          This server asks for a token: one of the lines of the file it was started with (--auth-token-file).
        </Text>
        <PasswordInput
          label="Token"
          value={token}
          onChange={(event) => {
            setToken(event.currentTarget.value);
            setError(undefined);
          }}
          error={error}
          autoComplete="current-password"
          data-autofocus
          autoFocus
          required
        />
        <Button type="submit" loading={busy} disabled={!token.trim()}>
          Sign in
        </Button>
      </Stack>
    </Paper>
  );
}

import { Anchor, Box, Group, Text } from "@mantine/core";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { base, facts } from "../api/server";
import { onSignedOut } from "../api/session";
import { ColorScheme } from "./ColorScheme";
import { SignOut } from "./SignOut";
import classes from "./Shell.module.css";
import { Shortcuts } from "./Shortcuts";
import { Boundary } from "./states";

/** What stands around every page. */
export function Shell() {
  useSignInWhenAsked();
  const signingIn = useRouterState({ select: (state) => state.location.pathname === "/signin" });
  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.brand} aria-label="Burnish: all jobs">
          <img src={new URL("favicon.svg", base).href} alt="" width={24} height={24} />
          <Text fw={680} component="span">
            Burnish
          </Text>
        </Link>
        {!signingIn && (
          <nav className={classes.nav} aria-label="Main">
            <Link to="/" activeOptions={{ exact: true, includeSearch: false }} className={classes.link}>
              Jobs
            </Link>
            <Link to="/new" className={classes.link}>
              New job
            </Link>
          </nav>
        )}
        <Group gap="xs" ml="auto" wrap="nowrap">
          {facts.mlflow !== null && (
            <Anchor href={new URL(facts.mlflow, base).href} className={classes.outside}>
              MLflow
            </Anchor>
          )}
          <Anchor href={new URL("../docs", base).href} className={classes.outside}>
            API
          </Anchor>
          <ColorScheme />
          {facts.signIn && !signingIn && <SignOut />}
        </Group>
      </header>
      {!signingIn && <Shortcuts />}
      <Box component="main" id="main" className={classes.main} tabIndex={-1}>
        <Boundary>
          <Outlet />
        </Boundary>
      </Box>
    </>
  );
}

/** To the sign-in page when the server no longer knows us, and from there back to here. */
function useSignInWhenAsked() {
  const router = useRouter();
  useEffect(
    () =>
      onSignedOut(() => {
        const { pathname, href } = router.state.location;
        if (pathname === "/signin") return;
        void router.navigate({ to: "/signin", search: { back: href }, replace: true });
      }),
    [router],
  );
}

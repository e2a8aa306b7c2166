import { Button, CopyButton, Tabs, Text } from "@mantine/core";
import { useState } from "react";
import { facts, root } from "../shared/api/server";
import { Card } from "../shared/parts/Card";
import { tidied, type Draft } from "./draft";
import { commandOf, curlOf, pythonOf } from "./equivalents";
import classes from "./New.module.css";

const NO_COMMAND = "The command line makes jobs of one prompt; this one has several.";

/** The same job from a terminal or a program. */
export function Equivalents({ draft }: { draft: Draft }) {
  const [shown, setShown] = useState<string>("curl");
  const target = { url: root, token: facts.signIn };
  const body = tidied(draft);
  const ways = [
    ["curl", curlOf(body, target)],
    ["Python", pythonOf(body, target)],
    ["Command line", commandOf(body, target)],
  ] as const;
  const code = ways.find(([name]) => name === shown)?.[1];
  return (
    <Card
      title="The same as code"
      aside={
        code && (
          <CopyButton value={code}>
            {({ copied, copy }) => (
              <Button size="compact-xs" variant="default" onClick={copy}>
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
        )
      }
    >
      <Tabs value={shown} onChange={(name) => name && setShown(name)}>
        <Tabs.List>
          {ways.map(([name]) => (
            <Tabs.Tab key={name} value={name}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown} pt="sm">
          {code === undefined ? (
            <Text size="sm" c="dimmed">
              {NO_COMMAND}
            </Text>
          ) : (
            <pre className={classes.code} tabIndex={0} role="region" aria-label={`As ${shown}`}>
              {code}
            </pre>
          )}
        </Tabs.Panel>
      </Tabs>
      {facts.signIn && (
        <Text size="xs" c="dimmed" mt={6}>
          Python and the command line read the token from BURNISH_TOKEN by themselves.
        </Text>
      )}
    </Card>
  );
}

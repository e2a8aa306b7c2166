import { Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useMemo, useState } from "react";
import type { Template } from "../api/types";
import { formatCount, plural } from "../format/numbers";
import { Frame } from "../parts/TextBlock";
import { partsOf, type Part } from "./messages";
import { Pieces } from "./Pieces";
import classes from "./PromptDiff.module.css";
import { diffTexts, sideOf } from "./words";

type Mode = "inline" | "beside";

export interface PromptDiffProps {
  before: Template | undefined;
  after: Template | undefined;
  beforeLabel: string;
  afterLabel: string;
}

/** What changed in a prompt, by word; message by message, demonstrations apart. */
export function PromptDiff({ before, after, beforeLabel, afterLabel }: PromptDiffProps) {
  const narrow = useMediaQuery("(max-width: 700px)", undefined, { getInitialValueInEffect: false });
  const [chosen, setChosen] = useState<Mode>();
  const mode = chosen ?? (narrow ? "inline" : "beside");
  const parts = useMemo(() => partsOf(before, after), [before, after]);
  const fixed = parts.filter((part) => !isDemonstration(part));
  const shots = parts.filter(isDemonstration);
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed">
          {beforeLabel} → {afterLabel}
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="How changes are shown"
          value={mode}
          onChange={setChosen}
          data={[
            { value: "beside", label: "Side by side" },
            { value: "inline", label: "Inline" },
          ]}
        />
      </Group>
      {fixed.map((part, position) => (
        <PartDiff key={position} part={part} mode={mode} labels={[beforeLabel, afterLabel]} />
      ))}
      {shots.length > 0 && (
        <details className={classes.shots} open={shots.length <= 4}>
          <summary>Demonstrations: {countOf(shots)}</summary>
          <Stack gap="sm" mt="sm">
            {shots.map((part, position) => (
              <PartDiff key={position} part={part} mode={mode} labels={[beforeLabel, afterLabel]} />
            ))}
          </Stack>
        </details>
      )}
    </Stack>
  );
}

function isDemonstration(part: Part): boolean {
  return part.role.startsWith("example ");
}

/** A turn of a chat is half of a demonstration, or less. */
function countOf(shots: readonly Part[]): string {
  return shots[0]?.role === "example text" ? formatCount(shots.length) : plural(shots.length, "message");
}

function PartDiff({ part, mode, labels }: { part: Part; mode: Mode; labels: [string, string] }) {
  const { before, after, role } = part;
  const pieces = useMemo(() => diffTexts(before ?? "", after ?? ""), [before, after]);
  const name =
    role === "text" ? "" : role === "example text" ? "demonstration" : role.replace("example ", "");
  const oneSided = before === undefined || after === undefined;
  if (mode === "inline" || oneSided) {
    const change = before === undefined ? " (new)" : after === undefined ? " (removed)" : "";
    return (
      <Frame label={name ? name + change : undefined}>
        <Pieces pieces={pieces} />
      </Frame>
    );
  }
  const labelOf = (side: string) => (name ? `${name} · ${side}` : side);
  return (
    <div className={classes.beside}>
      <Frame label={labelOf(labels[0])}>
        <Pieces pieces={sideOf(pieces, "before")} />
      </Frame>
      <Frame label={labelOf(labels[1])}>
        <Pieces pieces={sideOf(pieces, "after")} />
      </Frame>
    </div>
  );
}

import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { messageOf } from "../../shared/api/errors";
import type { Job } from "../../shared/api/types";
import { formatCount } from "../../shared/format/numbers";
import { formatClock, formatExact } from "../../shared/format/time";
import { isFinal } from "../../shared/format/words";
import { Card } from "../../shared/parts/Card";
import type { JobHistory } from "../live/history";
import classes from "./Activity.module.css";
import { downloadEvents } from "./download";
import { describeEvent } from "./sentences";

const SHOWN_AT_FIRST = 300;

/** What happened, the latest first. */
export default function ActivityTab({ job, history }: { job: Job; history: JobHistory }) {
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const [which, setWhich] = useState<"main" | "all">("main");
  const [busy, setBusy] = useState(false);
  const lines = history.events
    .map((event) => ({ event, ...describeEvent(event) }))
    .filter((line) => which === "all" || line.important)
    .reverse();
  const download = async () => {
    setBusy(true);
    try {
      await downloadEvents(job.job_id ?? "");
    } catch (error) {
      notifications.show({
        color: "red",
        title: "The events could not be loaded",
        message: messageOf(error),
      });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card
      title="What happened"
      aside={
        <Group gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="Which events are shown"
            value={which}
            onChange={setWhich}
            data={[
              { value: "main", label: "What matters" },
              { value: "all", label: "Everything" },
            ]}
          />
          <Button
            size="compact-sm"
            variant="default"
            loading={busy}
            leftSection={<IconDownload size={15} />}
            onClick={() => void download()}
          >
            JSONL
          </Button>
        </Group>
      }
    >
      {lines.length === 0 && (
        <Text size="sm" c="dimmed">
          {isFinal(job.state?.status) ? "Its events are being loaded." : "Nothing yet."}
        </Text>
      )}
      <ol className={classes.feed} aria-label="Events, latest first" aria-live="off">
        {lines.slice(0, shown).map(({ event, text, tone, detail }) => (
          <li key={event.sequence} data-tone={tone}>
            <time
              dateTime={new Date(event.timestamp_ms ?? 0).toISOString()}
              title={formatExact(event.timestamp_ms ?? 0)}
            >
              {formatClock(event.timestamp_ms ?? 0)}
            </time>
            <span>
              {text}
              {detail && <small>{detail}</small>}
            </span>
          </li>
        ))}
      </ol>
      {lines.length > shown && (
        <Button variant="subtle" size="compact-sm" onClick={() => setShown((now) => now + SHOWN_AT_FIRST)}>
          Show earlier ones ({formatCount(lines.length - shown)})
        </Button>
      )}
      {history.dropped > 0 && lines.length <= shown && (
        <Text size="xs" c="dimmed">
          {formatCount(history.dropped)} earlier ones are in the JSONL only.
        </Text>
      )}
    </Card>
  );
}

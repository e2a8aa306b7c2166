import { Button, List, Skeleton, Stack, Text } from "@mantine/core";
import type { components } from "../shared/api/schema";
import { ApiError, messageOf } from "../shared/api/errors";
import { formatDifference, formatShort, formatUsd, plural } from "../shared/format/numbers";
import { formatDuration } from "../shared/format/time";
import { visible } from "../shared/format/visible";
import { Card } from "../shared/parts/Card";
import { PLACED } from "./form";
import classes from "./New.module.css";
import type { Complaints } from "./problems";

export type Estimate = components["schemas"]["JobEstimate"];

export interface EstimatePanelProps {
  estimate: Estimate | undefined;
  /** It is of an older draft, and the next one is on its way. */
  busy: boolean;
  missing: readonly string[];
  error: unknown;
  complaints: Complaints;
  creating: boolean;
  onCreate: () => void;
}

/** What the job would take, as the form stands, and the button that makes it. */
export function EstimatePanel(props: EstimatePanelProps) {
  const { estimate, busy, missing, error, complaints } = props;
  return (
    <Card title="Estimate">
      <Stack gap="sm" aria-live="polite" aria-busy={busy}>
        {missing.length > 0 ? (
          <Text size="sm" c="dimmed">
            Still needed: {missing.join(", ")}.
          </Text>
        ) : estimate ? (
          <Figures estimate={estimate} busy={busy} />
        ) : error ? null : (
          <Skeleton h={150} />
        )}
        {error !== null && error !== undefined && <Refusal error={error} complaints={complaints} />}
        <Button onClick={props.onCreate} loading={props.creating} fullWidth>
          Create the job
        </Button>
      </Stack>
    </Card>
  );
}

function Figures({ estimate, busy }: { estimate: Estimate; busy: boolean }) {
  const { detectable_low: low, detectable_high: high } = estimate;
  const rows = [
    ["Model calls", range(estimate.calls_low, estimate.calls_high, formatShort)],
    ["Tokens", range(estimate.tokens_low, estimate.tokens_high, formatShort)],
    ["Cost", range(estimate.usd_low, estimate.usd_high, formatUsd)],
    ["Time", range(estimate.seconds_low, estimate.seconds_high, formatDuration)],
  ] as const;
  return (
    <div data-stale={busy} className={classes.figures}>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Text size="sm" mt="sm">
        {low === undefined
          ? "The sealed test has too few records for any verdict."
          : `The sealed test can prove a gain of about ${range(low, high, formatDifference)} in the mean score; a smaller one may stay unproven.`}
      </Text>
      {estimate.warnings && estimate.warnings.length > 0 && (
        <List size="sm" mt="sm" className={classes.warnings}>
          {estimate.warnings.map((warning) => (
            <List.Item key={warning}>{visible(warning)}</List.Item>
          ))}
        </List>
      )}
    </div>
  );
}

function Refusal({ error, complaints }: { error: unknown; complaints: Complaints }) {
  const problems = error instanceof ApiError ? error.problems : [];
  const besides = complaints.besides(PLACED);
  return (
    <div className={classes.refusal} role="alert">
      {problems.length === 0
        ? visible(messageOf(error))
        : `${plural(problems.length, "thing")} to put right, each marked at its field.`}
      {besides.map((problem) => (
        <p key={problem.field}>
          <b>{visible(problem.field ?? "")}</b> {visible(problem.value ?? "")} {visible(problem.remedy ?? "")}
        </p>
      ))}
    </div>
  );
}

function range<T>(low: T | undefined, high: T | undefined, show: (value: T | undefined) => string): string {
  const [first, last] = [show(low), show(high)];
  return first === last || high === undefined ? first : `${first} to ${last}`;
}

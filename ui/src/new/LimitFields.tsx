import { Input, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { JobConfig } from "../shared/api/types";
import { formatCount } from "../shared/format/numbers";
import { Card } from "../shared/parts/Card";
import type { FormProps } from "./form";
import classes from "./New.module.css";
import { NumberField } from "./NumberField";
import { datasetQuery } from "./queries";

/** What the server takes where nothing is said (`OptimizerInfo.split`). */
const DEFAULT_SPLIT = { train: 0.5, validation: 0.25, test: 0.25 };
const SPLIT_OF_EDITS = { train: 0.45, validation: 0.2, test: 0.35 };
const TESTS_EDITS: unknown[] = ["OPTIMIZER_TYPE_FACTORIAL", "OPTIMIZER_TYPE_AUTO"];
const SHARES = [
  ["train", "Train %", "what the search learns from"],
  ["validation", "Validation %", "what it chooses by"],
  ["test", "Test %", "sealed until the end"],
] as const;
const LIMITS = [
  ["max_calls", "Model calls", 1],
  ["max_usd", "US dollars", 1],
  ["max_seconds", "Minutes", 1 / 60],
  ["max_tokens", "Tokens", 1],
] as const;

/** What it may cost, and how the records are shared out. */
export function LimitFields({ draft, complaints, onConfig }: FormProps) {
  const { budget = {}, split, dataset_id = "", optimizer_type } = draft.config ?? {};
  const records = useQuery(datasetQuery(dataset_id)).data?.dataset?.records;
  const shares: Required<NonNullable<JobConfig["split"]>> = {
    ...(TESTS_EDITS.includes(optimizer_type) ? SPLIT_OF_EDITS : DEFAULT_SPLIT),
    ...split,
  };
  return (
    <Card title="Budget and split">
      <div className={classes.grid} data-narrow>
        {LIMITS.map(([name, label, times]) => (
          <NumberField
            key={name}
            label={label}
            placeholder="no limit"
            value={budget[name]}
            times={times}
            onChange={(value) => onConfig({ budget: { ...budget, [name]: value } })}
            error={complaints.at(`budget.${name}`)}
            thousandSeparator=","
          />
        ))}
      </div>
      <Text size="xs" c="dimmed" mt={6} mb="md">
        The job ends when the first limit is reached, and keeps the best prompt it has.
      </Text>
      <div className={classes.grid}>
        {SHARES.map(([name, label, words]) => (
          <NumberField
            key={name}
            label={label}
            description={
              records === undefined ? words : `${words}; about ${formatCount(shares[name] * records)} records`
            }
            value={shares[name]}
            times={100}
            onChange={(value) => onConfig({ split: { ...shares, [name]: value ?? 0 } })}
            error={complaints.at("split") !== undefined}
          />
        ))}
      </div>
      {complaints.at("split") && <Input.Error mt={4}>{complaints.at("split")}</Input.Error>}
    </Card>
  );
}

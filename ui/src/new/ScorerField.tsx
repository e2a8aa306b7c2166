import { ActionIcon, Checkbox, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { components } from "../shared/api/schema";
import { visible } from "../shared/format/visible";
import { Badge } from "../shared/parts/Badge";
import { Card } from "../shared/parts/Card";
import type { FormProps } from "./form";
import classes from "./New.module.css";
import { NumberField } from "./NumberField";
import { scorersQuery } from "./queries";
import { readScorer, writeScorer, type ScorerSpec } from "./scorers";

type Scorer = components["schemas"]["CatalogScorer"];

const GROUPS = {
  BUILT_IN: "Without a model",
  INSTALLED: "Installed by the operator",
  JUDGE: "MLflow's judges (each answer costs a call)",
  REGISTERED: "Registered in the experiment",
} as const;

/** What an answer is scored by: one or several, each with its argument and its weight. */
export function ScorerField({ draft, complaints, onConfig }: FormProps) {
  const { data: known = [], error } = useQuery(scorersQuery(draft.experiment_id ?? "0"));
  const names = known.map((scorer) => scorer.name ?? "");
  const chosen = (draft.config?.scorers ?? []).map((text) => readScorer(text, names));
  const write = (specs: ScorerSpec[]) => onConfig({ scorers: specs.map(writeScorer) });
  const set = (position: number, changes: Partial<ScorerSpec>) =>
    write(chosen.map((spec, at) => (at === position ? { ...spec, ...changes } : spec)));
  const groups = Object.entries(GROUPS).map(([kind, group]) => ({
    group,
    items: known
      .filter((scorer) => scorer.kind === kind)
      .map(({ name = "" }) => ({ value: name, label: visible(name) })),
  }));
  return (
    <Card title="Scorers">
      <Stack gap="sm">
        {chosen.map((spec, position) => (
          <OneScorer
            key={position}
            spec={spec}
            scorer={known.find((scorer) => scorer.name === spec.name)}
            onChange={(changes) => set(position, changes)}
            onRemove={() => write(chosen.filter((_, at) => at !== position))}
          />
        ))}
        <Select
          aria-label="Add a scorer"
          placeholder={chosen.length ? "Add another scorer" : "Choose how an answer is scored"}
          data={groups.filter((group) => group.items.length > 0)}
          value={null}
          searchable
          onChange={(name) => name && write([...chosen, { name, argument: "", weight: "" }])}
          renderOption={({ option }) => (
            <div className={classes.option}>
              <b>{option.label}</b>
              <small>
                {visible(known.find((scorer) => scorer.name === option.value)?.description ?? "")}
              </small>
            </div>
          )}
          error={complaints.at("scorers") ?? (error ? "The scorers cannot be read now." : undefined)}
          comboboxProps={{ shadow: "md" }}
          maxDropdownHeight={360}
        />
      </Stack>
    </Card>
  );
}

interface OneScorerProps {
  spec: ScorerSpec;
  scorer: Scorer | undefined;
  onChange: (changes: Partial<ScorerSpec>) => void;
  onRemove: () => void;
}

function OneScorer({ spec, scorer, onChange, onRemove }: OneScorerProps) {
  const must = spec.weight === "must";
  const takesArgument = scorer?.argument !== "NONE" || spec.argument !== "";
  return (
    <div className={classes.scorer}>
      <div className={classes.scorerName}>
        <b>{visible(spec.name)}</b>
        {scorer?.asks_model && <Badge tone="warn">asks {visible(scorer.model ?? "a judge")}</Badge>}
        <Text size="xs" c="dimmed">
          {visible(scorer?.description ?? "")}
          {scorer?.requires?.length ? ` Each record needs ${scorer.requires.map(visible).join(", ")}.` : ""}
        </Text>
      </div>
      {takesArgument && (
        <TextInput
          size="xs"
          label={scorer?.argument === "REQUIRED" ? "Argument" : "Argument, if you like"}
          description={visible(scorer?.argument_description ?? "")}
          value={spec.argument}
          onChange={(event) => onChange({ argument: event.currentTarget.value })}
          required={scorer?.argument === "REQUIRED"}
        />
      )}
      <NumberField
        size="xs"
        label="Weight"
        placeholder="1"
        disabled={must}
        value={must || spec.weight === "" ? undefined : Number(spec.weight)}
        onChange={(weight) => onChange({ weight: weight === undefined ? "" : String(weight) })}
      />
      <Checkbox
        size="xs"
        label="Must pass"
        title="An answer that fails it counts as wrong, whatever the others say"
        checked={must}
        onChange={(event) => onChange({ weight: event.currentTarget.checked ? "must" : "" })}
      />
      <ActionIcon variant="subtle" color="gray" aria-label={`Remove ${spec.name}`} onClick={onRemove}>
        <IconX size={16} />
      </ActionIcon>
    </div>
  );
}

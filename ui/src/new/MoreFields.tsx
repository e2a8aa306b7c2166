import { Collapse, Select, TagsInput, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card } from "../shared/parts/Card";
import { CatalogSelect } from "./CatalogSelect";
import { PLACED, type FormProps } from "./form";
import classes from "./New.module.css";
import { NumberField } from "./NumberField";
import { experimentsQuery } from "./queries";

const NUMBERS = [
  ["concurrency", "Calls in flight", "Model calls at once.", "8"],
  ["seed", "Seed", "Of every random choice.", "0"],
  [
    "max_output_tokens",
    "Tokens of an answer, at most",
    "A cap on each answer of the target model.",
    "no cap",
  ],
  ["call_timeout_seconds", "Seconds for one answer", "Then it is asked again.", "60"],
  ["failure_share", "Failed calls, at most", "A share of the recent ones; past it the job fails.", "0.5"],
  ["max_unscored_share", "Unscored answers, at most", "A share; past it the job fails.", "0.5"],
] as const;

const CHOICES = [
  ["register", "Register the winner", "improved", ["improved", "better", "always", "never"]],
  ["thinking", "<think>…</think> before an answer", "strip", ["strip", "keep"]],
  ["traces", "Evaluations as MLflow traces", "none", ["none", "finalists", "all"]],
] as const;

const HERE: readonly string[] = [
  ...NUMBERS.map(([name]) => name),
  ...CHOICES.map(([name]) => name),
  "tags",
  "further_source_prompt_uris",
  "experiment_id",
];

/** What seldom matters, and the labels. */
export function MoreFields({ draft, complaints, onChange, onConfig }: FormProps) {
  const [opened, setOpened] = useState(false);
  const config = draft.config ?? {};
  const show = opened || PLACED.some((field) => HERE.includes(field) && complaints.at(field));
  return (
    <Card title="Where and how">
      <div className={classes.grid}>
        <CatalogSelect
          label="MLflow experiment"
          description="Holds the run and the judges that are registered."
          value={draft.experiment_id ?? ""}
          onChange={(experiment_id) => onChange({ experiment_id })}
          useOptions={useExperiments}
          error={complaints.at("experiment_id")}
          allowDeselect={false}
        />
        <TagsInput
          label="Tags"
          description="KEY=VALUE, and Enter."
          placeholder="team=search"
          value={(draft.tags ?? []).map(({ key, value }) => `${key ?? ""}=${value ?? ""}`)}
          onChange={(tags) => onChange({ tags: tags.map(readTag) })}
          error={complaints.at("tags")}
        />
      </div>
      <UnstyledButton className={classes.more} aria-expanded={show} onClick={() => setOpened(!show)}>
        {show ? "▾" : "▸"} Further options
      </UnstyledButton>
      <Collapse expanded={show}>
        {show && (
          <div className={classes.grid}>
            {NUMBERS.map(([name, label, description, placeholder]) => (
              <NumberField
                key={name}
                label={label}
                description={description}
                placeholder={placeholder}
                value={config[name]}
                onChange={(value) => onConfig({ [name]: value })}
                error={complaints.at(name)}
              />
            ))}
            {CHOICES.map(([name, label, placeholder, data]) => (
              <Select
                key={name}
                label={label}
                placeholder={placeholder}
                data={[...data]}
                value={config[name] ?? null}
                onChange={(value) => onConfig({ [name]: value ?? undefined })}
                error={complaints.at(name)}
                clearable
              />
            ))}
            <TagsInput
              label="Further prompts, optimized together with it"
              description="prompts:/NAME/VERSION, and Enter."
              value={config.further_source_prompt_uris ?? []}
              onChange={(uris) => onConfig({ further_source_prompt_uris: uris })}
              error={complaints.at("further_source_prompt_uris")}
            />
          </div>
        )}
      </Collapse>
    </Card>
  );
}

function useExperiments(search: string) {
  const { data, isPending, error } = useQuery(experimentsQuery(search));
  const options = (data?.experiments ?? []).map(({ experiment_id = "", name = "" }) => ({
    value: experiment_id,
    label: name,
  }));
  return { options, pending: isPending, error };
}

function readTag(text: string) {
  const at = text.indexOf("=");
  return at < 0 ? { key: text, value: "" } : { key: text.slice(0, at), value: text.slice(at + 1) };
}

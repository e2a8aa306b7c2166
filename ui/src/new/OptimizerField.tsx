import { Collapse, Radio, Skeleton, Stack, Text, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { OptimizerType } from "../shared/api/types";
import { plural } from "../shared/format/numbers";
import { optimizerName } from "../shared/format/words";
import { Failure } from "../shared/layout/states";
import { Card } from "../shared/parts/Card";
import { settingsOf, type Settings } from "./draft";
import type { FormProps } from "./form";
import classes from "./New.module.css";
import { optimizersQuery } from "./queries";
import { SettingInput } from "./SettingInput";
import { commonNames, fieldsOf, type SettingField } from "./settings";

/** Which search, and its settings as the server explains them. */
export function OptimizerField({ draft, complaints, onConfig }: FormProps) {
  const { data, error, isPending, refetch } = useQuery(optimizersQuery);
  const [opened, setOpened] = useState(false);
  const type = draft.config?.optimizer_type;
  const chosen = data?.find((entry) => entry.type === type);
  const common = useMemo(() => commonNames((data ?? []).map((entry) => entry.settings_schema)), [data]);
  const fields = useMemo(() => fieldsOf(chosen?.settings_schema, common), [chosen, common]);
  const settings = settingsOf(draft.config);
  const set = (name: string, value: unknown) => {
    onConfig({ optimizer_config_json: write({ ...settings, [name]: value }) });
  };
  const choose = (next: OptimizerType) => {
    // Only what the other one has, too, still means the same.
    const kept = Object.entries(settings).filter(([name]) => common.has(name));
    onConfig({ optimizer_type: next, optimizer_config_json: write(Object.fromEntries(kept)) });
  };
  const changed = Object.keys(settings).length;
  const required = fields.filter((field) => field.required);
  const further = fields.filter((field) => !field.required);
  const complaint = complaints.at("optimizer_config");
  const named = fields.some((field) => complaints.at(`optimizer_config.${field.name}`));
  const input = (field: SettingField) => (
    <SettingInput
      key={`${type}.${field.name}`}
      field={field}
      value={settings[field.name]}
      onChange={(value) => set(field.name, value)}
      error={complaints.at(`optimizer_config.${field.name}`)}
    />
  );
  const show = opened || further.some((field) => complaints.at(`optimizer_config.${field.name}`));
  return (
    <Card title="Optimizer">
      {isPending && <Skeleton h={200} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      <Stack gap="sm">
        <Radio.Group
          aria-label="Optimizer"
          value={type ?? null}
          onChange={(next) => choose(next)}
          error={complaints.at("optimizer_type")}
        >
          <div className={classes.choices}>
            {data?.map((entry) => (
              <Radio.Card key={entry.type} value={entry.type} className={classes.choice}>
                <Radio.Indicator />
                <div>
                  <b>{optimizerName(entry.type)}</b>
                  <p>Changes: {entry.changes}.</p>
                  <p>Right when {entry.choose_when}.</p>
                </div>
              </Radio.Card>
            ))}
          </div>
        </Radio.Group>
        {complaint && !named && (
          <Text size="sm" c="var(--bad)">
            {complaint}
          </Text>
        )}
        {required.length > 0 && <div className={classes.grid}>{required.map(input)}</div>}
        {further.length > 0 && (
          <>
            <UnstyledButton className={classes.more} aria-expanded={show} onClick={() => setOpened(!show)}>
              {show ? "▾" : "▸"} {plural(further.length, "setting")}
              {changed > 0 ? `, ${changed} of them yours` : ", each with a good default"}
            </UnstyledButton>
            <Collapse expanded={show}>
              {show && <div className={classes.grid}>{further.map(input)}</div>}
            </Collapse>
          </>
        )}
      </Stack>
    </Card>
  );
}

/** undefined leaves a setting out. */
function write(settings: Settings): string | undefined {
  const text = JSON.stringify(settings);
  return text === "{}" ? undefined : text;
}

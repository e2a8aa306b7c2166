import type { Job, JobInputs } from "../shared/api/types";
import { optimizerName } from "../shared/format/words";

/** One setting of all compared jobs; "" where a job has none. */
export interface SettingRow {
  name: string;
  values: string[];
}

/** Every setting as the jobs ran with it, those that differ apart from those that do not. */
export function settingRows(jobs: readonly Job[], inputs: readonly (JobInputs | undefined)[]) {
  const settings = jobs.map((job, position) => settingsOf(job, inputs[position]));
  const names = [...new Set(settings.flatMap((each) => Object.keys(each)))];
  const rows = names.map((name) => ({ name, values: settings.map((each) => each[name] ?? "") }));
  const differs = ({ values }: SettingRow) => values.some((value) => value !== values[0]);
  return { differing: rows.filter(differs), same: rows.filter((row) => !differs(row)) };
}

function settingsOf(job: Job, inputs: JobInputs | undefined): Record<string, string> {
  const {
    optimizer_type,
    optimizer_config_json,
    budget,
    split,
    scorers,
    dataset_id,
    model,
    reflection_model,
    further_source_prompt_uris,
    ...others
  } = job.config ?? {};
  const optimizer = inputs?.optimizer_settings ?? readJson(optimizer_config_json);
  const said: Record<string, unknown> = {
    "Source prompt": [job.source_prompt_uri, ...(further_source_prompt_uris ?? [])]
      .filter(Boolean)
      .join(", "),
    Dataset: job.dataset?.name ?? dataset_id,
    "Data digest": job.dataset?.digest,
    Scorers: scorers?.join(", "),
    Optimizer: optimizerName(optimizer_type),
    Model: job.models?.target ?? model,
    "Reflection model": job.models?.reflection ?? reflection_model,
    Teacher: job.models?.teacher,
    Judges: job.models?.judges?.join(", "),
    ...prefixed("Budget: ", budget),
    Split: split && [split.train, split.validation, split.test].join(" / "),
    ...prefixed("", others),
    ...prefixed(`Setting: `, optimizer),
  };
  return Object.fromEntries(
    Object.entries(said)
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function prefixed(prefix: string, fields: object | undefined): Record<string, unknown> {
  const entries = Object.entries(fields ?? {}).filter(([name]) => name !== "reflection_model");
  return Object.fromEntries(
    entries.map(([name, value]) => [sentence(prefix + name.replaceAll("_", " ")), value as unknown]),
  );
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function readJson(text: string | undefined): object {
  try {
    return (JSON.parse(text ?? "{}") ?? {}) as object;
  } catch {
    return {};
  }
}

/** What is to be said of the data before anything is compared. */
export function sameData(jobs: readonly Job[]): { data: boolean; records: boolean } {
  const digests = new Set(jobs.map((job) => job.dataset?.digest ?? ""));
  const names = new Set(jobs.map((job) => job.dataset?.dataset_id ?? job.config?.dataset_id ?? ""));
  return { data: digests.size === 1 && !digests.has(""), records: names.size === 1 && !names.has("") };
}

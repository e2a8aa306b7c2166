import type { operations } from "../shared/api/schema";
import type { Job, JobConfig } from "../shared/api/types";

/** The body of a create, as it is now. What is sent, shown as code, and kept over a reload is this and nothing else. */
export type Draft = operations["createPromptOptimizationJob"]["requestBody"]["content"]["application/json"];
export type Settings = Record<string, unknown>;

export const EMPTY: Draft = {
  experiment_id: "0",
  config: { optimizer_type: "OPTIMIZER_TYPE_AUTO", scorers: [], budget: { max_calls: 500 } },
};

/** Everything another job was asked for, on the versions that it ran on. */
export function draftOf(job: Job): Draft {
  const further = job.further_source_prompt_uris;
  const settings = settingsOf(job.config);
  // The field of its own says the same, and both at once contradict each other as soon as one is changed.
  const reflection = job.config?.reflection_model ?? settings.reflection_model;
  delete settings.reflection_model;
  return tidied({
    experiment_id: job.experiment_id ?? "0",
    source_prompt_uri: job.source_prompt_uri,
    config: {
      ...job.config,
      reflection_model: typeof reflection === "string" ? reflection : undefined,
      optimizer_config_json: JSON.stringify(settings),
      ...(further?.length ? { further_source_prompt_uris: further } : {}),
    },
    tags: job.tags,
  });
}

/** Without what is not said: empty texts, empty lists, empty objects. */
export function tidied(draft: Draft): Draft {
  const found = prune(draft) as Draft | undefined;
  const config = found?.config;
  if (config?.optimizer_config_json === "{}") delete config.optimizer_config_json;
  return found ?? {};
}

function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.length ? value.map((entry) => prune(entry) ?? "") : undefined;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .map(([name, entry]): [string, unknown] => [name, prune(entry)])
      .filter(([, entry]) => entry !== undefined);
    return entries.length ? Object.fromEntries(entries) : undefined;
  }
  return value === "" || value === null ? undefined : value;
}

/** The optimizer's settings; none where the text is no JSON object. */
export function settingsOf(config: JobConfig | undefined): Settings {
  try {
    const read: unknown = JSON.parse(config?.optimizer_config_json ?? "{}");
    return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Settings) : {};
  } catch {
    return {};
  }
}

/** Whether there is enough for the server to estimate it. What is missing, in words, where there is not. */
export function missingIn({ source_prompt_uri, config = {} }: Draft): string[] {
  const dataless = config.optimizer_type === "OPTIMIZER_TYPE_METAPROMPT" && !config.scorers?.length;
  return [
    ...(source_prompt_uri ? [] : ["a prompt"]),
    ...(config.dataset_id || dataless ? [] : ["a dataset"]),
    ...(config.scorers?.length || (dataless && !config.dataset_id) ? [] : ["a scorer"]),
  ];
}

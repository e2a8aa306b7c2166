import type { JobConfig } from "../shared/api/types";
import type { Draft } from "./draft";
import type { Complaints } from "./problems";

/** What every part of the form gets. */
export interface FormProps {
  draft: Draft;
  complaints: Complaints;
  onChange: (changes: Partial<Draft>) => void;
  /** Changes of the config. */
  onConfig: (changes: Partial<JobConfig>) => void;
}

/** Fields that have a place in the form; complaints of others stand beside the button. */
export const PLACED = [
  "experiment_id",
  "source_prompt_uri",
  "dataset_id",
  "inputs",
  "scorers",
  "optimizer_type",
  "optimizer_config",
  "model",
  "app",
  "reflection_model",
  "budget.max_calls",
  "budget.max_usd",
  "budget.max_tokens",
  "budget.max_seconds",
  "split",
  "seed",
  "concurrency",
  "max_output_tokens",
  "call_timeout_seconds",
  "failure_share",
  "max_unscored_share",
  "thinking",
  "register",
  "traces",
  "further_source_prompt_uris",
  "tags",
] as const;

import type { Job } from "../shared/api/types";
import { optimizerName, promptOf } from "../shared/format/words";
import { visible } from "../shared/format/visible";

/** Short, and another one for each job. */
export function nameOf(job: Job): string {
  const { name } = promptOf(job.source_prompt_uri);
  return `${visible(name)} · ${optimizerName(job.config?.optimizer_type)} · ${(job.job_id ?? "").slice(0, 6)}`;
}

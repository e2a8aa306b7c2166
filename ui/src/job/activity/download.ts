import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";

/** All events of a job as a file, one JSON object a line. */
export async function downloadEvents(jobId: string): Promise<void> {
  const parts: string[] = [];
  let after = 0;
  for (;;) {
    const params = { path: { job_id: jobId }, query: { after, max_results: 1000 } };
    const answer = await ask(api.GET(`${JOBS}/{job_id}/events`, { params }));
    if (typeof answer === "string") break; // a stream, which was not asked for
    const events = answer.events ?? [];
    if (events.length === 0) break;
    parts.push(...events.map((event) => `${JSON.stringify(event)}\n`));
    after = answer.next_after ?? after;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "application/x-ndjson" }));
  link.download = `${jobId}-events.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

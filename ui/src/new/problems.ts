import { ApiError, type Problem } from "../shared/api/errors";

/** What the server complains of, field by field. */
export interface Complaints {
  /** At this field, or at a part of it. */
  at: (field: string) => string | undefined;
  /** Those whose field is not one of these. */
  besides: (fields: readonly string[]) => Problem[];
}

/** Fields are named as in the request; positions and parts belong to the whole. */
export function readComplaints(error: unknown): Complaints {
  const problems = error instanceof ApiError ? error.problems : [];
  return {
    at: (field) =>
      problems
        .filter((problem) => belongsTo(problem, field))
        .map(({ remedy, value }) => (value ? `${value}: ${remedy ?? ""}` : (remedy ?? "")))
        .join("; ") || undefined,
    besides: (fields) => problems.filter((problem) => !fields.some((field) => belongsTo(problem, field))),
  };
}

function belongsTo({ field = "" }: Problem, wanted: string): boolean {
  const name = field.replace(/^config\./, "").replace(/^optimizer_config_json/, "optimizer_config");
  return name === wanted || name.startsWith(`${wanted}.`) || name.startsWith(`${wanted}[`);
}

import type { Job } from "../../shared/api/types";

export default function CandidatesTab(_: { job: Job; candidates?: unknown; history?: unknown }) {
  return null;
}

import type { Candidate, Job } from "../../shared/api/types";

export default function ExamplesTab({ job }: { job: Job; candidates?: readonly Candidate[] | undefined }) {
  return <>{job.job_id}</>;
}

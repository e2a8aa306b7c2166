/** What all paths of the job API begin with. */
export const JOBS = "/api/3.0/mlflow/prompt-optimization/jobs";

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Job = Schemas["PromptOptimizationJob"];
export type JobConfig = Schemas["PromptOptimizationJobConfig"];
export type JobStatus = Schemas["JobStatus"];
export type Verdict = Schemas["PromptOptimizationJob.Verdict"];
export type StopReason = Schemas["PromptOptimizationJob.StopReason"];
export type TestScores = Schemas["TestScores"];
export type UsageByRole = Schemas["UsageByRole"];
export type JobEvent = Schemas["JobEvent"];
export type JobListEvent = Schemas["JobListEvent"];
export type EventKind = Schemas["JobEvent.Kind"];
export type Candidate = Schemas["PromptCandidate"];
export type CandidateStatus = Schemas["PromptCandidate.Status"];
export type Template = Schemas["PromptTemplate"];
export type JobExample = Schemas["JobExample"];
export type JobComparison = Schemas["JobComparison"];
export type JobInputs = Schemas["JobInputs"];
export type PromptEdit = Schemas["PromptEdit"];
export type ExampleResult = Schemas["ExampleResult"];
export type OptimizerType = Schemas["OptimizerType"];

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";
import { JOBS } from "./paths";
import type { Candidate, ExampleResult, Job, JobInputs } from "./types";

/** Keys begin with what they are of, so that a change of a job can refresh all that is known of it. */
export const keys = {
  jobs: ["jobs"] as const,
  job: (jobId: string) => ["job", jobId] as const,
  candidates: (jobId: string) => ["job", jobId, "candidates"] as const,
  candidate: (jobId: string, candidateId: string) => ["job", jobId, "candidates", candidateId] as const,
};

/** What the demo job would be; 403 for who may not start it. */
export function demoQuery() {
  return queryOptions({
    queryKey: ["demo"] as const,
    queryFn: ({ signal }) => ask(api.GET(`${JOBS}/demo`, { signal })),
    staleTime: 60_000,
  });
}

export function jobQuery(jobId: string) {
  return queryOptions({
    queryKey: keys.job(jobId),
    queryFn: async ({ signal }): Promise<Job> => {
      const path = { job_id: jobId };
      const answer = await ask(api.GET(`${JOBS}/{job_id}`, { params: { path }, signal }));
      return answer.job ?? {};
    },
  });
}

/** All candidates of a job without their texts, in the order they were brought. */
export function candidatesQuery(jobId: string) {
  return queryOptions({
    queryKey: keys.candidates(jobId),
    queryFn: async ({ signal }): Promise<Candidate[]> => {
      const found: Candidate[] = [];
      let token: string | undefined;
      do {
        const query = { max_results: 1000, page_token: token };
        const answer = await ask(
          api.GET(`${JOBS}/{job_id}/candidates`, { params: { path: { job_id: jobId }, query }, signal }),
        );
        found.push(...(answer.candidates ?? []));
        token = answer.next_page_token;
      } while (token);
      return found;
    },
  });
}

/** What the job runs on: prompts, models, scorers and settings as they were when it was created. */
export function inputsQuery(jobId: string) {
  return queryOptions({
    queryKey: ["inputs", jobId] as const,
    queryFn: async ({ signal }): Promise<JobInputs> => {
      const params = { path: { job_id: jobId } };
      return (await ask(api.GET(`${JOBS}/{job_id}/inputs`, { params, signal }))).inputs ?? {};
    },
    staleTime: Infinity,
  });
}

/** The newest hundred versions of a prompt. */
export function versionsQuery(name: string) {
  return queryOptions({
    queryKey: ["catalog", "prompt", name] as const,
    queryFn: async ({ signal }) => {
      const params = { path: { name } };
      return (await ask(api.GET(`${JOBS}/catalog/prompts/{name}`, { params, signal }))).versions ?? [];
    },
    staleTime: 30_000,
    enabled: name !== "",
  });
}

export interface CandidateDetail {
  candidate: Candidate;
  evaluations: ExampleResult[];
}

/** One candidate with its texts and all its results. */
export function candidateQuery(jobId: string, candidateId: string) {
  return queryOptions({
    queryKey: keys.candidate(jobId, candidateId),
    queryFn: async ({ signal }): Promise<CandidateDetail> => {
      const path = { job_id: jobId, candidate_id: candidateId };
      const evaluations: ExampleResult[] = [];
      let candidate: Candidate = {};
      let token: string | undefined;
      do {
        const query = { max_results: 1000, page_token: token };
        const answer = await ask(
          api.GET(`${JOBS}/{job_id}/candidates/{candidate_id}`, { params: { path, query }, signal }),
        );
        candidate = answer.candidate ?? candidate;
        evaluations.push(...(answer.evaluations ?? []));
        token = answer.next_page_token;
      } while (token);
      return { candidate, evaluations };
    },
    staleTime: 5_000,
  });
}

export interface JobSearch {
  filter?: string;
  orderBy?: string;
}

/** Jobs that match, page by page. */
export function jobsQuery({ filter, orderBy }: JobSearch, pageSize = 200) {
  return infiniteQueryOptions({
    queryKey: [...keys.jobs, "list", { filter, orderBy, pageSize }] as const,
    queryFn: async ({ pageParam, signal }) => {
      const body = {
        max_results: pageSize,
        ...(filter ? { filter } : {}),
        ...(orderBy ? { order_by: [orderBy] } : {}),
        ...(pageParam ? { page_token: pageParam } : {}),
      };
      return ask(api.POST(`${JOBS}/search`, { body, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token,
  });
}

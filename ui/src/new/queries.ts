import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../shared/api/client";
import { JOBS } from "../shared/api/paths";
import type { operations } from "../shared/api/schema";
import { EMPTY, type Draft } from "./draft";

const CATALOG = `${JOBS}/catalog` as const;
const KEPT_MS = 30_000;

export function experimentsQuery(name: string) {
  return queryOptions({
    queryKey: ["catalog", "experiments", name] as const,
    queryFn: ({ signal }) =>
      ask(api.GET(`${CATALOG}/experiments`, { params: { query: contains(name) }, signal })),
    staleTime: KEPT_MS,
  });
}

export function promptsQuery(name: string) {
  return queryOptions({
    queryKey: ["catalog", "prompts", name] as const,
    queryFn: ({ signal }) =>
      ask(api.GET(`${CATALOG}/prompts`, { params: { query: contains(name) }, signal })),
    staleTime: KEPT_MS,
  });
}

export function datasetsQuery(name: string) {
  return queryOptions({
    queryKey: ["catalog", "datasets", name] as const,
    queryFn: ({ signal }) =>
      ask(api.GET(`${CATALOG}/datasets`, { params: { query: contains(name) }, signal })),
    staleTime: KEPT_MS,
  });
}

export function datasetQuery(dataset_id: string) {
  return queryOptions({
    queryKey: ["catalog", "dataset", dataset_id] as const,
    queryFn: ({ signal }) =>
      ask(
        api.GET(`${CATALOG}/datasets/{dataset_id}`, {
          params: { path: { dataset_id }, query: { max_results: 5 } },
          signal,
        }),
      ),
    staleTime: KEPT_MS,
    enabled: dataset_id !== "",
  });
}

export function scorersQuery(experiment_id: string) {
  return queryOptions({
    queryKey: ["catalog", "scorers", experiment_id] as const,
    queryFn: async ({ signal }) =>
      (await ask(api.GET(`${CATALOG}/scorers`, { params: { query: { experiment_id } }, signal }))).scorers ??
      [],
    staleTime: KEPT_MS,
  });
}

/** In the server's order, behind the one that a form begins with. */
export const optimizersQuery = queryOptions({
  queryKey: ["catalog", "optimizers"] as const,
  queryFn: async ({ signal }) => {
    const { optimizers = [] } = await ask(api.GET(`${CATALOG}/optimizers`, { signal }));
    const isFirst = ({ type }: (typeof optimizers)[number]) => type === EMPTY.config?.optimizer_type;
    return [...optimizers.filter(isFirst), ...optimizers.filter((entry) => !isFirst(entry))];
  },
  staleTime: Infinity,
});

export const providersQuery = queryOptions({
  queryKey: ["catalog", "providers"] as const,
  queryFn: ({ signal }) => ask(api.GET(`${CATALOG}/providers`, { signal })),
  staleTime: KEPT_MS,
});

/** The server's word on a draft: what it would take, or what is wrong with it. */
export function estimateQuery(draft: Draft, enabled: boolean) {
  return queryOptions({
    queryKey: ["estimate", draft] as const,
    queryFn: async ({ signal }) =>
      (await ask(api.POST(`${JOBS}/estimate`, { body: draft, signal }))).estimate ?? {},
    enabled,
    staleTime: KEPT_MS,
    gcTime: KEPT_MS,
  });
}

export interface Upload {
  file: File;
  experiment_id: string;
  name?: string;
  /** VARIABLE=COLUMN. */
  columns?: string[];
  target?: string;
  dry_run?: boolean;
}

export function uploadDataset({ file, ...query }: Upload) {
  return ask(
    api.POST(`${CATALOG}/datasets`, {
      params: { query: { file_name: file.name, ...query } },
      body: file,
      bodySerializer: (body: unknown) => body as Blob,
      headers: { "content-type": "application/octet-stream" },
    }),
  );
}

export type TracesRequest = operations["makeDatasetFromTraces"]["requestBody"]["content"]["application/json"];

export function makeDatasetFromTraces(body: TracesRequest) {
  return ask(api.POST(`${CATALOG}/datasets/from-traces`, { body }));
}

function contains(name: string) {
  return { max_results: 100, ...(name ? { name_contains: name } : {}) };
}

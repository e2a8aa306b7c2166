import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./errors";

const MAX_TRIES = 3;

/** Answers are kept while their page is shown; what fails in passing is asked again. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        gcTime: 5 * 60_000,
        networkMode: "always", // a server on this machine needs no network
        retry: (failures, error) => failures < MAX_TRIES && error instanceof ApiError && error.passing,
        retryDelay: (failures) => Math.min(500 * 2 ** failures, 8_000),
      },
      mutations: { networkMode: "always" },
    },
  });
}

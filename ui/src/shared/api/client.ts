import createClient, { type Middleware } from "openapi-fetch";
import { learnClock } from "./clock";
import { ApiError, errorOf, NOT_OURS, OFFLINE, SILENT } from "./errors";
import type { paths } from "./schema";
import { root } from "./server";
import { CSRF, reportSignedOut } from "./session";

const guard: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(CSRF)) request.headers.set(name, value);
    return request;
  },
  onResponse({ response }) {
    learnClock(response.headers.get("date"));
    if (response.status === 401) reportSignedOut();
    return response;
  },
};

const SILENCE_MS = 20_000;

/** An answer to a question; what changes something may take as long as it needs. */
async function fetchInTime(request: Request): Promise<Response> {
  if (request.method !== "GET" && !request.url.endsWith("/search")) return fetch(request);
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(new ApiError(0, "OFFLINE", SILENT)), SILENCE_MS);
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, silent.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

/** The API, typed by our OpenAPI document. Every call goes through `ask`. */
export const api = createClient<paths>({
  baseUrl: root,
  fetch: fetchInTime,
  querySerializer: { array: { style: "form", explode: true } },
});
api.use(guard);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's content, or an ApiError. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof ApiError || (error instanceof DOMException && error.name === "AbortError"))
      throw error;
    if (error instanceof SyntaxError) throw new ApiError(0, "NOT_JSON", NOT_OURS);
    throw new ApiError(0, "OFFLINE", OFFLINE);
  }
  if (answer.error !== undefined || !answer.response.ok) {
    throw errorOf(answer.response.status, answer.error);
  }
  return answer.data as T;
}

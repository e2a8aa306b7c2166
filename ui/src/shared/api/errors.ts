import type { components } from "./schema";

export type Problem = components["schemas"]["Error.Problem"];

/** A refusal of the server, or its silence (status 0), in words that can be shown. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly problems: readonly Problem[] = [],
  ) {
    super(message);
  }

  /** Whether it may go away by itself: no answer, or a server that is busy or restarting. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const SILENT = "The server has not answered for twenty seconds. It may be busy.";
export const NOT_OURS =
  "What answered is not Burnish: it sent no JSON. Is there a proxy, or its sign-in page, in between?";
export const OFFLINE = "The server does not answer. Is it running, and is the network there?";

/** What a body of an error answer says; whatever it is. */
export function errorOf(status: number, body: unknown): ApiError {
  const error = (typeof body === "object" && body !== null ? body : {}) as components["schemas"]["Error"];
  const message = error.message ?? `The server answered ${status} without a reason.`;
  return new ApiError(status, error.error_code ?? "UNKNOWN", message, error.problems ?? []);
}

/** Whether a part of the page is gone from the server, since it was updated under the open page. */
export function isOutdated(error: unknown): boolean {
  return /dynamically imported module|importing a module script|unable to preload/i.test(messageOf(error));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

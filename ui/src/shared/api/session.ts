import { root } from "./server";
import { errorOf, ApiError, OFFLINE } from "./errors";

export const CSRF = { "X-Burnish-CSRF": "1" } as const;

type Listener = () => void;
const listeners = new Set<Listener>();
let untold = false; // the first answer may be there before anybody listens

/** Be called whenever the server no longer knows who asks. Returns what ends that. */
export function onSignedOut(listener: Listener): () => void {
  listeners.add(listener);
  if (untold) listener();
  untold = false;
  return () => listeners.delete(listener);
}

export function reportSignedOut(): void {
  untold = listeners.size === 0;
  listeners.forEach((listener) => listener());
}

/** Give the token once; a cookie that scripts cannot read stands for it from now on. */
export async function signIn(token: string): Promise<void> {
  await ask("POST", { token });
}

export async function signOut(): Promise<void> {
  await ask("DELETE");
}

async function ask(method: string, body?: unknown): Promise<void> {
  const init: RequestInit = { method, headers: { ...CSRF, "content-type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(`${root}/burnish/session`, init);
  } catch {
    throw new ApiError(0, "OFFLINE", OFFLINE);
  }
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => null));
}

import { createParser } from "eventsource-parser";
import { CSRF, reportSignedOut } from "./session";

export type StreamState = "connecting" | "live" | "lost" | "ended";

export interface StreamOptions {
  url: string;
  /** Id of the last event that has been seen; asked at every new connection. */
  after: () => string;
  onEvents: (events: StreamEvent[]) => void;
  onState: (state: StreamState) => void;
  /** What is streamed is not there any more. */
  onGone?: () => void;
}

export interface StreamEvent {
  id: string;
  data: unknown;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 60_000; // the server says something every fifteen seconds

/** Server-sent events, resumed after every loss until closed. Returns what closes it. */
export function openStream(options: StreamOptions): () => void {
  const closing = new AbortController();
  void keepReading(options, closing.signal);
  return () => closing.abort();
}

async function keepReading(options: StreamOptions, closed: AbortSignal): Promise<void> {
  let failures = 0;
  const isClosed = () => closed.aborted;
  options.onState("connecting");
  while (!isClosed()) {
    const outcome = await readOnce(options, closed, () => (failures = 0)).catch(() => "lost" as const);
    if (isClosed()) return;
    if (outcome !== "lost") {
      options.onState("ended");
      if (outcome === "gone") options.onGone?.();
      return;
    }
    options.onState("lost");
    await wait(waitMs(failures++), closed);
  }
}

/** Half of it is random, so that a hundred pages do not all come back at once. */
export function waitMs(failures: number, random = Math.random()): number {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
  return longest / 2 + (random * longest) / 2;
}

/** One connection, until it ends: "ended" where there is nothing more to come. */
async function readOnce(
  { url, after, onEvents, onState }: StreamOptions,
  closed: AbortSignal,
  onAnswer: () => void,
): Promise<"ended" | "gone" | "lost"> {
  const silent = new AbortController();
  let watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const answer = await fetch(url, {
      headers: { ...CSRF, accept: "text/event-stream", ...lastEvent(after()) },
      signal: AbortSignal.any([closed, silent.signal]),
      cache: "no-store",
    });
    if (answer.status === 204) return "ended";
    if (answer.status === 401) reportSignedOut();
    if (answer.status === 404) return "gone";
    if (!answer.ok || !answer.body) return "lost";
    onAnswer();
    onState("live");
    let batch: StreamEvent[] = [];
    const parser = createParser({
      onEvent: (event) => batch.push({ id: event.id ?? "", data: JSON.parse(event.data) as unknown }),
    });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "lost"; // it asks again, and hears 204 where there is nothing more
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
      parser.feed(value);
      if (batch.length) onEvents(batch);
      batch = [];
    }
  } finally {
    clearTimeout(watchdog);
  }
}

function wait(milliseconds: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      closed.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
    closed.addEventListener("abort", done);
  });
}

function lastEvent(id: string): Record<string, string> {
  return id ? { "last-event-id": id } : {};
}

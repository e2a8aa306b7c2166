import { useSyncExternalStore } from "react";
import { serverNow } from "../api/clock";
import { formatAgo, formatExact } from "../format/time";

const EVERY_MS = 10_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let ticks = 0; // not the time: the server's is learned after the first of them

/** One clock for all that is shown, however many rows there are. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    ticks += 1;
    listeners.forEach((each) => each());
  }, EVERY_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Be drawn again as time goes by. */
function useTicks(): void {
  useSyncExternalStore(subscribe, () => ticks);
}

/** How long ago, with the exact time on hover. */
export function Ago({ ms }: { ms: number | undefined }) {
  useTicks();
  if (ms === undefined) return <>–</>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatExact(ms)}>
      {formatAgo(ms, serverNow())}
    </time>
  );
}

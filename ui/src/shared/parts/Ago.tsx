import { useSyncExternalStore } from "react";
import { serverNow } from "../api/clock";
import { formatAgo, formatExact } from "../format/time";

const EVERY_MS = 10_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = serverNow();

/** One clock for all that is shown, however many rows there are. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = serverNow();
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

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago, with the exact time on hover. */
export function Ago({ ms }: { ms: number | undefined }) {
  const at = useNow();
  if (ms === undefined) return <>–</>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatExact(ms)}>
      {formatAgo(ms, Math.max(at, serverNow()))}
    </time>
  );
}

import { useEffect, useState } from "react";
import type { Draft } from "./draft";

/** What is being written, kept in this tab over a reload. `name` tells drafts apart. */
export function useDraft(name: string, initial: Draft) {
  const key = `burnish.new.${name}`;
  const [draft, setDraft] = useState(() => readKept(key) ?? initial);
  useEffect(() => {
    if (draft !== initial) write(key, draft);
  }, [key, draft, initial]);
  const change = (changes: Partial<Draft>) => setDraft((now) => ({ ...now, ...changes }));
  const forget = () => sessionStorage.removeItem(key);
  const restart = () => {
    forget();
    setDraft(initial);
  };
  return { draft, change, forget, restart };
}

function readKept(key: string): Draft | undefined {
  try {
    const kept = sessionStorage.getItem(key);
    return kept === null ? undefined : (JSON.parse(kept) as Draft);
  } catch {
    return undefined; // a browser that keeps nothing, or something that is not ours
  }
}

function write(key: string, draft: Draft): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing: a reload begins anew.
  }
}

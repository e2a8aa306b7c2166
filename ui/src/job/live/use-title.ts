import { useEffect } from "react";
import type { Job } from "../../shared/api/types";
import { base } from "../../shared/api/server";
import { isFinal, promptOf, STATUS_WORDS, VERDICT_WORDS, wordOf } from "../../shared/format/words";
import { drawFavicon } from "./favicon";
import { shareDone } from "./progress";

/** The tab's title and its icon show how far the job is. */
export function useTitle(job: Job | undefined): void {
  const share = job && !isFinal(job.state?.status) ? shareDone(job) : undefined;
  const percent = share === undefined ? undefined : Math.round(share * 100);
  const title = job ? titleOf(job, percent) : "Burnish";
  useEffect(() => {
    document.title = title;
    return () => {
      document.title = "Burnish";
    };
  }, [title]);
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (!link || percent === undefined) return;
    link.href = drawFavicon(percent / 100);
    return () => {
      link.href = new URL("favicon.svg", base).href;
    };
  }, [percent]);
}

function titleOf(job: Job, percent: number | undefined): string {
  const { name } = promptOf(job.source_prompt_uri);
  if (percent !== undefined) return `${percent} % · ${name}`;
  const word = job.verdict ? wordOf(VERDICT_WORDS, job.verdict) : wordOf(STATUS_WORDS, job.state?.status);
  return `${word.label} · ${name}`;
}

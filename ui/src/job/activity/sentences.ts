import type { JobEvent, StopReason, Verdict } from "../../shared/api/types";
import { formatCount, formatDifference, formatScore, plural } from "../../shared/format/numbers";
import { formatDuration } from "../../shared/format/time";
import { STOP_WORDS, VERDICT_WORDS, wordOf, type Tone } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";

export interface Line {
  text: string;
  detail?: string;
  tone: Tone;
  /** Whether it belongs to the short story. */
  important: boolean;
}

const PHASES: Partial<Record<string, string>> = {
  source: "Scoring the source prompt",
  search: "Searching",
  test: "Opening the sealed test",
  teaching: "Asking the teacher",
};

/** An event as a sentence, with the user who did it. */
export function describeEvent(event: JobEvent): Line {
  const line = sentence(event);
  if (!event.actor) return line;
  return { ...line, detail: [`by ${visible(event.actor)}`, line.detail].filter(Boolean).join(" · ") };
}

function sentence(event: JobEvent): Line {
  const data = new Data(event.data ?? {});
  switch (event.kind) {
    case "CREATED":
      return plain("The job was created.");
    case "STARTED":
      return started(data);
    case "SPLIT":
      return plain(
        `The data was split: ${data.count("train")} to learn from, ${data.count("validation")} to choose by, ${data.count("test")} sealed for the test.`,
      );
    case "PHASE":
      return { ...plain(`${PHASES[data.text("phase")] ?? `Phase ${data.text("phase")}`}.`), tone: "live" };
    case "CANDIDATE":
      return candidate(data);
    case "PROPOSAL":
      return proposal(data);
    case "BEST":
      return {
        text: `Candidate ${data.count("number")} is the best so far: ${formatScore(data.number("score"))} on validation.`,
        tone: "good",
        important: data.number("number") !== 0, // the source, of which the line before has told
      };
    case "WARNING":
      return { text: "Warning", detail: data.text("message"), tone: "warn", important: true };
    case "RETRY":
      return {
        text: `It will be tried again in ${formatDuration(data.number("delay_seconds"))}.`,
        detail: data.text("reason"),
        tone: "warn",
        important: true,
      };
    case "CANCEL_REQUESTED":
      return { ...plain("Somebody asked to cancel it."), tone: "warn" };
    case "RESUMED":
      return { ...plain("It was resumed; finished calls are not paid again."), tone: "live" };
    case "TESTED":
      return tested(data);
    case "REGISTERED":
      return { ...plain(`The winner was registered as ${data.text("optimized_prompt_uri")}.`), tone: "good" };
    case "PROMOTED":
      return plain(`${data.text("alias")} was pointed at version ${data.count("version")}.`);
    case "ROLLED_BACK":
      return plain(`${data.text("alias")} was pointed back at version ${data.count("version")}.`);
    case "ENDED":
      return ended(data);
    default:
      return {
        text: event.kind ?? "An event",
        detail: JSON.stringify(event.data ?? {}),
        tone: "neutral",
        important: false,
      };
  }
}

function plain(text: string): Line {
  return { text, tone: "neutral", important: true };
}

function started(data: Data): Line {
  const attempt = data.number("attempt") ?? 1;
  const deaths = data.number("deaths") ?? 0;
  const reason = data.text("reason");
  return {
    text: attempt === 1 ? "A worker began." : `A worker took it up again, attempt ${attempt}.`,
    detail: [
      attempt > 1 && reason,
      deaths > 0 && `${plural(deaths, "attempt")} before it died with the worker.`,
      data.text("worker_id"),
    ]
      .filter(Boolean)
      .join(" · "),
    tone: attempt === 1 ? "live" : "warn",
    important: true,
  };
}

function candidate(data: Data): Line {
  const name = `Candidate ${data.count("number")}`;
  const score = data.number("score");
  const scored = score === undefined ? "" : `, ${formatScore(score)} on validation`;
  const detail = data.text("reason") || data.text("origin");
  switch (data.text("status")) {
    case "SOURCE":
      return {
        text: `The source prompt scores ${formatScore(score)} on validation.`,
        tone: "neutral",
        important: true,
      };
    case "PROPOSED":
      return { text: `${name} was proposed.`, detail, tone: "live", important: false };
    case "ACCEPTED":
      return { text: `${name} was accepted${scored}.`, detail, tone: "good", important: false };
    case "REFUSED":
      return { text: `${name} was refused before it cost anything.`, detail, tone: "warn", important: false };
    default:
      return { text: `${name} was rejected${scored}.`, detail, tone: "neutral", important: false };
  }
}

const OUTCOMES: Partial<Record<string, string>> = {
  WON: "is better than what it was made from.",
  LOST: "was not better than what it was made from.",
  REFUSED: "could not be used.",
  UNANSWERED: "was given up: the reflection model gave no answer.",
  PERFECT: "was not needed: there was no failure to learn from.",
};

function proposal(data: Data): Line {
  const name = `Proposal ${data.count("number")}`;
  const outcome = data.text("outcome");
  const text = outcome ? `${name} ${OUTCOMES[outcome] ?? outcome}` : `${name} was begun.`;
  return { text, tone: outcome === "WON" ? "good" : "neutral", important: false };
}

function tested(data: Data): Line {
  const verdict = wordOf(VERDICT_WORDS, data.text("verdict") as Verdict);
  const low = formatDifference(data.number("ci_low"));
  const high = formatDifference(data.number("ci_high"));
  return {
    text: `The sealed test: ${formatScore(data.number("initial"))} → ${formatScore(data.number("final"))}. ${verdict.label}.`,
    detail: `Difference ${formatDifference(data.number("difference"))}, 95\u00a0% interval ${low} to ${high}, ${plural(data.number("examples") ?? 0, "pair")}`,
    tone: verdict.tone,
    important: true,
  };
}

function ended(data: Data): Line {
  const why = (STOP_WORDS as Partial<Record<string, string>>)[data.text("stop_reason") as StopReason] ?? "";
  switch (data.text("status")) {
    case "COMPLETED":
      return { text: `The job is complete. ${why}`, tone: "good", important: true };
    case "CANCELED":
      return { text: "The job was canceled.", tone: "warn", important: true };
    default:
      return { text: "The job failed.", detail: data.text("error_message"), tone: "bad", important: true };
  }
}

/** Data of an event, of which nothing is promised. */
class Data {
  constructor(private readonly raw: Record<string, unknown>) {}

  number(key: string): number | undefined {
    const value = this.raw[key];
    return typeof value === "number" ? value : undefined;
  }

  count(key: string): string {
    return formatCount(this.number(key));
  }

  text(key: string): string {
    const value = this.raw[key];
    return typeof value === "string" ? visible(value) : "";
  }
}

import { KIND_WORDS, OPTIMIZER_NAMES, STATUS_WORDS, VERDICT_WORDS } from "../shared/format/words";

export interface Suggestion {
  /** What is shown and put in. */
  text: string;
  /** What it means. */
  hint?: string;
}

export interface Suggestions {
  options: Suggestion[];
  /** The part of the text that a suggestion takes the place of. */
  from: number;
  to: number;
}

const FIELDS: readonly Suggestion[] = [
  { text: "status", hint: "where the job stands" },
  { text: "verdict", hint: "what the sealed test says" },
  { text: "optimizer_type", hint: "the search algorithm" },
  { text: "kind", hint: "an app's prompts, or prompts by themselves" },
  { text: "source_prompt_uri", hint: "prompts:/NAME/VERSION" },
  { text: "optimized_prompt_uri" },
  { text: "final_eval_scores.aggregate", hint: "best on validation" },
  { text: "initial_eval_scores.aggregate", hint: "source on validation" },
  { text: "test_scores.difference", hint: "gain on the sealed test" },
  { text: "usage.calls", hint: "model calls" },
  { text: "usage.usd", hint: "dollars" },
  { text: "tags.", hint: "a tag of yours" },
  { text: "dataset_id" },
  { text: "run_id" },
  { text: "creation_timestamp_ms" },
  { text: "completion_timestamp_ms" },
];
const valuesIn = (words: object, prefix: string) => Object.keys(words).map((key) => key.replace(prefix, ""));
const VALUES: Partial<Record<string, readonly string[]>> = {
  status: valuesIn(STATUS_WORDS, "JOB_STATUS_"),
  verdict: valuesIn(VERDICT_WORDS, ""),
  optimizer_type: valuesIn(OPTIMIZER_NAMES, "OPTIMIZER_TYPE_"),
  kind: valuesIn(KIND_WORDS, ""),
};
const OPERATORS = ["=", "!=", ">", "<", "IN (", "LIKE '%"];
const WORD = /[A-Za-z0-9_.'%=!<>/-]*$/;
const MOST = 8;

/** What may stand at the caret: a field, then an operator, then a value, then AND or OR. */
export function suggest(text: string, caret: number, tagKeys: readonly string[] = []): Suggestions {
  const before = text.slice(0, caret);
  const word = WORD.exec(before)?.[0] ?? "";
  const from = caret - word.length;
  const head = before.slice(0, from).trimEnd();
  const options = optionsAfter(head, tagKeys).filter(
    (option) => option.text.toLowerCase().startsWith(word.toLowerCase()) && option.text !== word,
  );
  return { options: options.slice(0, MOST), from, to: caret };
}

function optionsAfter(head: string, tagKeys: readonly string[]): Suggestion[] {
  if (insideText(head)) return [];
  if (head === "" || /(?:^|\s|\()(?:and|or|not)$/i.test(head) || head.endsWith("(")) {
    const list = /([A-Za-z_.]+)\s+in\s*\($/i.exec(head);
    if (list) return valuesOf(list[1] ?? "");
    return [...FIELDS, ...tagKeys.map((key) => ({ text: `tags.${key}` }))];
  }
  const comparison = /([A-Za-z0-9_.`/-]+)\s*(?:=|!=|<=?|>=?)$/.exec(head);
  if (comparison) return valuesOf(comparison[1] ?? "");
  const list = /([A-Za-z_.]+)\s+in\s*\([^)]*,$/i.exec(head);
  if (list) return valuesOf(list[1] ?? "");
  if (/(?:['\d)])$/.test(head)) return [{ text: "AND " }, { text: "OR " }];
  return OPERATORS.map((operator) => ({ text: operator }));
}

function valuesOf(field: string): Suggestion[] {
  return (VALUES[field] ?? []).map((value) => ({ text: `'${value}'` }));
}

function insideText(head: string): boolean {
  return (head.match(/'/g)?.length ?? 0) % 2 === 1;
}

/** Where in the typed text the server found the fault. */
export function caretOf(message: string, offset: number): { at: number; length: number } | undefined {
  const found = /\(at character (\d+)\)/.exec(message);
  if (!found) return undefined;
  const length = /\n\s*(\^+)\s*$/.exec(message)?.[1]?.length ?? 1;
  return { at: Math.max(0, Number(found[1]) - 1 - offset), length };
}

/** The first line of such a message, without the field and the place, which are shown. */
export function reasonOf(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/^filter: /, "").replace(/ \(at character \d+\)$/, "");
}

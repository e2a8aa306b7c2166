/** A text prompt taken apart. */
export interface SplitText {
  /** The prompt without its demonstrations. */
  text: string;
  /** Each as it stands in the prompt, in their order. */
  demonstrations: string[];
}

const VARIABLE = /\{\{\s*[\w.]+\s*\}\}/g;
const ANSWER = String.raw`[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*?`;
const HEADING = String.raw`(?:(?<=^|\n\n)Examples:\n\n)?`;
const LONGEST = 100_000;

/**
 * Demonstrations in a text are copies of its own question with values in the place of the variables, and an
 * answer behind them. A text with none of that is given back as it is.
 */
export function splitDemonstrations(text: string): SplitText {
  const pattern = text.length > LONGEST ? undefined : patternOf(text);
  if (!pattern) return { text, demonstrations: [] };
  const demonstrations: string[] = [];
  const rest = text.replace(pattern, (whole: string, found: string) => {
    if (found.search(VARIABLE) >= 0) return whole; // the question itself, and what stands behind it
    demonstrations.push(found.trim());
    return "";
  });
  return { text: rest.replace(/\n{3,}/g, "\n\n").trim(), demonstrations };
}

function patternOf(text: string): RegExp | undefined {
  const question = text.split(/\n{2,}/).find((block) => block.search(VARIABLE) >= 0);
  if (!question) return undefined;
  const lines = question.split("\n");
  const holds = (line: string) => line.search(VARIABLE) >= 0;
  const fields = lines.slice(lines.findIndex(holds), lines.findLastIndex(holds) + 1).join("\n");
  const words = fields.split(VARIABLE);
  const labeled = /\w/.test(words[0] ?? "");
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  const cue = last.endsWith(":") && !holds(last) ? `${escape(last)} ` : "";
  if (!labeled && !cue) return undefined; // any two lines would look like it
  // A value without a label before it ends with its paragraph; else it would begin with the instruction.
  const value = labeled
    ? String.raw`(?:(?!\n\n${escape(words[0] ?? "")})[^])*?`
    : String.raw`(?:(?!\n\n)[^])*?`;
  const asked = words.map(escape).join(value);
  return new RegExp(String.raw`${HEADING}(?<=^|\n\n)(${asked}\n${cue}${ANSWER})(?=\n\n|\s*$)`, "g");
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** One scorer of a job as it is written: NAME, NAME:ARGUMENT, with =WEIGHT or =must behind it. */
export interface ScorerSpec {
  name: string;
  argument: string;
  /** "must", or a number above 0; empty: 1. */
  weight: string;
}

const WEIGHT = /=(must|\d+(?:\.\d*)?|\.\d+)$/;

/** Names may have colons themselves (registered:NAME), so the known ones are looked for first. */
export function readScorer(text: string, known: readonly string[]): ScorerSpec {
  const weight = WEIGHT.exec(text)?.[1] ?? "";
  const spec = weight ? text.replace(WEIGHT, "") : text;
  const name =
    [...known]
      .sort((a, b) => b.length - a.length)
      .find((entry) => spec === entry || spec.startsWith(`${entry}:`)) ?? spec.replace(/:.*$/s, "");
  return { name, argument: spec.slice(name.length + 1), weight };
}

export function writeScorer({ name, argument, weight }: ScorerSpec): string {
  return name + (argument ? `:${argument}` : "") + (weight ? `=${weight}` : "");
}

import type { Template } from "../api/types";
import { splitDemonstrations } from "./demonstrations";

/** One part of a prompt: its text, a message, or the demonstrations together. */
export interface Part {
  /** What it is called, such as "system". */
  role: string;
  before?: string;
  after?: string;
}

interface Turn {
  role: string;
  content: string;
}

interface Anatomy {
  fixed: Turn[];
  demonstrations: Turn[];
}

/** The parts of two prompts side by side; demonstrations are kept apart from messages. */
export function partsOf(before: Template | undefined, after: Template | undefined): Part[] {
  if (!before?.messages?.length && !after?.messages?.length) {
    const [old, young] = [splitDemonstrations(before?.text ?? ""), splitDemonstrations(after?.text ?? "")];
    return [
      { role: "text", before: old.text, after: young.text },
      ...pairTexts(old.demonstrations, young.demonstrations),
    ];
  }
  const old = anatomyOf(before);
  const young = anatomyOf(after);
  return [
    ...alignTurns(old.fixed, young.fixed, ""),
    ...alignTurns(old.demonstrations, young.demonstrations, "example "),
  ];
}

/** The same demonstration in both is a pair; every other one was added or removed. */
function pairTexts(before: readonly string[], after: readonly string[]): Part[] {
  const role = "example text";
  const removed = before.filter((text) => !after.includes(text));
  return [
    ...after.map((text) =>
      before.includes(text) ? { role, before: text, after: text } : { role, after: text },
    ),
    ...removed.map((text) => ({ role, before: text })),
  ];
}

/**
 * In a chat, demonstrations are turns of user and assistant that stand before the last message of the
 * user; everything else is the prompt itself.
 */
function anatomyOf(template: Template | undefined): Anatomy {
  const turns = turnsOf(template);
  const last = turns.findLastIndex((turn) => turn.role === "user");
  const fixed: Turn[] = [];
  const demonstrations: Turn[] = [];
  turns.forEach((turn, position) => {
    const shown = position < last && (turn.role === "user" || turn.role === "assistant");
    const paired = shown && (turn.role === "assistant" || turns[position + 1]?.role === "assistant");
    (paired ? demonstrations : fixed).push(turn);
  });
  return { fixed, demonstrations };
}

function turnsOf(template: Template | undefined): Turn[] {
  if (template?.messages?.length) {
    return template.messages.map(({ role, content }) => ({ role: role ?? "?", content: content ?? "" }));
  }
  return template?.text === undefined ? [] : [{ role: "user", content: template.text }];
}

/** Pairs turns of the same role from the end, where the question stands; the rest was added or removed. */
function alignTurns(before: Turn[], after: Turn[], prefix: string): Part[] {
  const parts: Part[] = [];
  let old = before.length - 1;
  let young = after.length - 1;
  while (old >= 0 || young >= 0) {
    const left = before[old];
    const right = after[young];
    if (left && right && left.role === right.role) {
      parts.unshift({ role: prefix + left.role, before: left.content, after: right.content });
      old--;
      young--;
    } else if (right && (!left || young > old)) {
      parts.unshift({ role: prefix + right.role, after: right.content });
      young--;
    } else if (left) {
      parts.unshift({ role: prefix + left.role, before: left.content });
      old--;
    }
  }
  return parts;
}

const MARKS = new Map<number, string>([
  [0x200e, "⟨LRM⟩"],
  [0x200f, "⟨RLM⟩"],
  [0x202a, "⟨LRE⟩"],
  [0x202b, "⟨RLE⟩"],
  [0x202c, "⟨PDF⟩"],
  [0x202d, "⟨LRO⟩"],
  [0x202e, "⟨RLO⟩"],
  [0x2066, "⟨LRI⟩"],
  [0x2067, "⟨RLI⟩"],
  [0x2068, "⟨FSI⟩"],
  [0x2069, "⟨PDI⟩"],
]);

// eslint-disable-next-line no-control-regex -- these are the ones that are looked for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with its hidden characters shown: nothing in it may reorder or swallow what stands beside it. */
export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(HIDDEN, (found) => {
      const code = found.charCodeAt(0);
      return MARKS.get(code) ?? String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
    })
    .toWellFormed();
}

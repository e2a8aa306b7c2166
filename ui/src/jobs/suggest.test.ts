import { describe, expect, it } from "vitest";
import { caretOf, reasonOf, suggest } from "./suggest";

const texts = (text: string, tags: string[] = []) =>
  suggest(text, text.length, tags).options.map((each) => each.text);

describe("suggest", () => {
  it("begins with fields", () => {
    expect(texts("")[0]).toBe("status");
    expect(texts("ver")).toEqual(["verdict"]);
    expect(texts("status = 'FAILED' AND ta", ["team"])).toEqual(["tags.", "tags.team"]);
  });

  it("goes on with operators, values and AND", () => {
    expect(texts("status ")).toContain("=");
    expect(texts("status = ")).toContain("'COMPLETED'");
    expect(texts("status = 'FA")).toEqual(["'FAILED'"]);
    expect(texts("verdict IN ('WORSE', ")).toContain("'IMPROVED'");
    expect(texts("verdict IN (")).toContain("'IMPROVED'");
    expect(texts("kind = ")).toEqual(["'prompt'", "'app'"]);
    expect(texts("usage.calls > 5 ")).toEqual(["AND ", "OR "]);
  });

  it("is quiet within a text", () => expect(texts("tags.team = 'a b ")).toEqual([]));

  it("names the part that is replaced", () => {
    expect(suggest("status = 'FA", 12)).toMatchObject({ from: 9, to: 12 });
  });
});

describe("errors", () => {
  const message = "filter: 'verdic': there is no such field (at character 6)\n  a AND verdic\n       ^^^^^^";

  it("point at the place in what was typed", () => {
    expect(caretOf(message, 0)).toEqual({ at: 5, length: 6 });
    expect(caretOf(message, 1)).toEqual({ at: 4, length: 6 });
    expect(caretOf("something else", 0)).toBeUndefined();
  });

  it("say the reason alone", () => expect(reasonOf(message)).toBe("'verdic': there is no such field"));
});

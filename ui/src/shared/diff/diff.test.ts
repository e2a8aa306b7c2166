import { describe, expect, it } from "vitest";
import { partsOf } from "./messages";
import { diffTexts, sideOf } from "./words";

describe("diffTexts", () => {
  it("finds words that were added and removed", () => {
    const pieces = diffTexts("Which team is it?", "Which desk is it? One word.");
    expect(
      sideOf(pieces, "before")
        .map((piece) => piece.text)
        .join(""),
    ).toBe("Which team is it?");
    expect(
      sideOf(pieces, "after")
        .map((piece) => piece.text)
        .join(""),
    ).toBe("Which desk is it? One word.");
    expect(pieces.filter((piece) => piece.kind === "removed").map((piece) => piece.text)).toEqual(["team"]);
  });

  it("gives the whole text of both where there is nothing in common", () => {
    const pieces = diffTexts("", "new");
    expect(pieces).toEqual([{ text: "new", kind: "added" }]);
  });

  it("takes lines of 200 kB in reasonable time", () => {
    const began = performance.now();
    const pieces = diffTexts("a ".repeat(100_000), "b ".repeat(100_000));
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(
      sideOf(pieces, "after")
        .map((piece) => piece.text)
        .join(""),
    ).toHaveLength(200_000);
  });
});

describe("partsOf", () => {
  const system = { role: "system", content: "Be short." };
  const question = { role: "user", content: "{{q}}" };

  it("is one text for texts", () => {
    expect(partsOf({ text: "a" }, { text: "b" })).toEqual([{ role: "text", before: "a", after: "b" }]);
  });

  it("keeps demonstrations apart from the instruction of a text", () => {
    const [old, shot] = ["Route.\n\nTicket: {{t}}", "Ticket: a\nTeam: b"];
    const [, question] = old.split("\n\n");
    const young = `Route it.\n\n${shot}\n\n${question ?? ""}\nTeam:`;
    expect(partsOf({ text: old }, { text: young })).toEqual([
      { role: "text", before: old, after: "Route it.\n\nTicket: {{t}}\nTeam:" },
      { role: "example text", after: shot },
    ]);
    expect(partsOf({ text: young }, { text: young })[1]).toEqual({
      role: "example text",
      before: shot,
      after: shot,
    });
  });

  it("keeps demonstrations apart from messages", () => {
    const turns = [
      { role: "user", content: "1+1" },
      { role: "assistant", content: "2" },
    ];
    const parts = partsOf({ messages: [system, question] }, { messages: [system, ...turns, question] });
    expect(parts).toEqual([
      { role: "system", before: "Be short.", after: "Be short." },
      { role: "user", before: "{{q}}", after: "{{q}}" },
      { role: "example user", after: "1+1" },
      { role: "example assistant", after: "2" },
    ]);
  });

  it("shows a message that was added before the question", () => {
    expect(partsOf({ messages: [question] }, { messages: [system, question] })).toEqual([
      { role: "system", after: "Be short." },
      { role: "user", before: "{{q}}", after: "{{q}}" },
    ]);
  });
});

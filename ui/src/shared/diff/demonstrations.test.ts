import { describe, expect, it } from "vitest";
import { splitDemonstrations } from "./demonstrations";

const split = (...blocks: string[]) => splitDemonstrations(blocks.join("\n\n"));

describe("splitDemonstrations", () => {
  it("finds them between the instruction and the question", () => {
    expect(
      split(
        "Route the ticket.",
        "Ticket: it crashes\nTeam: defect",
        "Ticket: where is\n\nmy box\nTeam: shipping",
        "Ticket: {{ticket}}\nTeam:",
      ),
    ).toEqual({
      text: "Route the ticket.\n\nTicket: {{ticket}}\nTeam:",
      demonstrations: ["Ticket: it crashes\nTeam: defect", "Ticket: where is\n\nmy box\nTeam: shipping"],
    });
  });

  it("takes their heading along", () => {
    const found = split("Say which.", "Examples:", "A: x\nB: y\nSum: z", "A: {{a}}\nB: {{b}}\nSum:");
    expect(found.text).toBe("Say which.\n\nA: {{a}}\nB: {{b}}\nSum:");
    expect(found.demonstrations).toEqual(["A: x\nB: y\nSum: z"]);
  });

  it("needs the cue where a value has no label", () => {
    const found = split("Classify.", "great film\nSentiment: positive", "{{review}}\nSentiment:");
    expect(found).toEqual({
      text: "Classify.\n\n{{review}}\nSentiment:",
      demonstrations: ["great film\nSentiment: positive"],
    });
    expect(split("Classify.", "one\ntwo", "{{review}}").demonstrations).toEqual([]);
  });

  it("leaves texts alone that have none", () => {
    for (const text of [
      "",
      "Ticket: {{ticket}}",
      "Ticket:\n\nTicket: {{ticket}}\n\nTeam:",
      "no variable\nat all",
    ])
      expect(splitDemonstrations(text)).toEqual({ text, demonstrations: [] });
  });

  it("takes long texts in reasonable time", () => {
    const began = performance.now();
    split("Ticket: a\n".repeat(4_000), "x: y\n\n".repeat(4_000), "Ticket: {{ticket}}\nTeam:");
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

it("takes no question with words behind it for a demonstration", () => {
  const text = "Read the ticket: {{ticket}}\nTeams: billing, technical.";
  expect(splitDemonstrations(text)).toEqual({ text, demonstrations: [] });
});

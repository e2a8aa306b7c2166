import { describe, expect, it } from "vitest";
import { formatAgo, formatDuration } from "./time";

describe("formatDuration", () => {
  it.each([
    [3.93, "3.9 s"],
    [9.96, "10 s"],
    [59.6, "1 min"],
    [125, "2 min 5 s"],
    [119.7, "2 min"],
    [1500, "25 min"],
    [4320, "1 h 12 min"],
    [183600, "2 d 3 h"],
    [undefined, "–"],
    [-1, "–"],
    [Infinity, "–"],
  ])("of %s", (seconds, expected) => expect(formatDuration(seconds)).toBe(expected));
});

describe("formatAgo", () => {
  const now = 1_800_000_000_000;
  it.each([
    [0, "just now"],
    [-30, "just now"],
    [30, "30 sec. ago"],
    [59.8, "1 min. ago"],
    [3600, "1 hr. ago"],
    [86400, "yesterday"],
    [86400 * 400, "last yr."],
  ])("%d seconds", (seconds, expected) => expect(formatAgo(now - seconds * 1000, now)).toBe(expected));
});

import { describe, expect, it } from "vitest";
import {
  decimalsFor,
  formatChance,
  formatDifference,
  formatScore,
  formatShort,
  formatUsd,
  plural,
} from "./numbers";

describe("decimalsFor", () => {
  it.each([
    [0.5, 0.83, 2],
    [-0.01, 0.01, 3],
    [0, 0.002, 4],
    [0, 0.000001, 4],
    [0, 1, 2],
    [0.5, 0.5, 2],
    [0.7, 0.3, 2],
  ])("of %d to %d is %d", (low, high, expected) => expect(decimalsFor(low, high)).toBe(expected));
});

describe("scores", () => {
  it("are rounded, and a minus is a minus", () => {
    expect(formatScore(2 / 3)).toBe("0.67");
    expect(formatScore(-0.125, 3)).toBe("\u22120.125");
    expect(formatScore(undefined)).toBe("–");
    expect(formatScore(Number.NaN)).toBe("–");
  });

  it("that round to zero have no sign", () => {
    expect(formatScore(-0.001)).toBe("0.00");
    expect(formatDifference(0.001)).toBe("0.00");
    expect(formatDifference(-0.001)).toBe("0.00");
  });

  it("differ with their sign", () => {
    expect(formatDifference(0.667)).toBe("+0.67");
    expect(formatDifference(-0.2)).toBe("\u22120.20");
  });
});

describe("money", () => {
  it("is unknown, not zero, where no price is known", () => {
    expect(formatUsd(undefined)).toBe("price unknown");
    expect(formatUsd(0)).toBe("$0");
  });

  it("has two digits that count", () => {
    expect(formatUsd(0.00576765)).toBe("$0.0058");
    expect(formatUsd(0.5)).toBe("$0.5");
    expect(formatUsd(1234.5)).toBe("$1,234.50");
  });
});

it("shortens", () => expect(formatShort(51127)).toBe("51.1K"));
it("counts", () => expect([plural(1, "call"), plural(1200, "call")]).toEqual(["1 call", "1,200 calls"]));

describe("chances", () => {
  it.each([
    [0.9999, "> 99 %"],
    [0.987, "99 %"],
    [0.0479, "5 %"],
    [0.0001, "< 1 %"],
  ])("of %d are %s", (chance, expected) => expect(formatChance(chance)).toBe(expected));
});

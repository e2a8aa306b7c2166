import { expect, it } from "vitest";
import { pairedBootstrap } from "./bootstrap";

const repeat = (value: number, count: number) => Array.from({ length: count }, () => value);

it("is as wide as theory says, and the same each time", () => {
  // 30 gained, 10 lost, 60 equal: mean 0.2, standard error sqrt((0.4 - 0.04) / 100) = 0.06.
  const pairs = [...repeat(1, 30), ...repeat(-1, 10), ...repeat(0, 60)];
  const found = pairedBootstrap(pairs);
  expect(found?.mean).toBeCloseTo(0.2, 10);
  expect(found?.low).toBeGreaterThan(0.2 - 1.96 * 0.06 - 0.012);
  expect(found?.low).toBeLessThan(0.2 - 1.96 * 0.06 + 0.012);
  expect(found?.high).toBeGreaterThan(0.2 + 1.96 * 0.06 - 0.012);
  expect(found?.high).toBeLessThan(0.2 + 1.96 * 0.06 + 0.012);
  expect(pairedBootstrap(pairs)).toEqual(found);
});

it("mirrors when the two sides change places, near enough", () => {
  const pairs = [...repeat(1, 12), ...repeat(0, 20)];
  const there = pairedBootstrap(pairs);
  const back = pairedBootstrap(pairs.map((difference) => -difference));
  expect(back?.low).toBeCloseTo(-(there?.high ?? 0), 1);
});

it("has no spread where all pairs agree, and no word on a few", () => {
  expect(pairedBootstrap(repeat(0, 20))).toEqual({ mean: 0, low: 0, high: 0, pairs: 20 });
  expect(pairedBootstrap(repeat(1, 7))).toBeUndefined();
  expect(pairedBootstrap([])).toBeUndefined();
});

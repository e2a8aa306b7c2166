import { expect, it } from "vitest";
import { intervalScale } from "./interval-scale";

it("shows zero and the whole interval in their order", () => {
  for (const [low, high] of [
    [0.5, 0.83],
    [-0.4, -0.1],
    [-0.1, 0.2],
    [0, 0],
  ] as const) {
    const place = intervalScale(low, high);
    const places = [Math.min(0, low), Math.max(0, high)].map(place);
    expect(places.every((at) => at > 0 && at < 100)).toBe(true);
    expect(place(low)).toBeLessThanOrEqual(place(high));
  }
});

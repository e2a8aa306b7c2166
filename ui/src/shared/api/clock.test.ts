import { expect, it } from "vitest";
import { learnClock, serverNow } from "./clock";

const NOW = Date.parse("2026-11-29T12:00:00Z");

it("follows a server whose clock is another, and not the seconds an answer takes", () => {
  learnClock("Sun, 29 Nov 2026 12:00:01 GMT", NOW);
  expect(serverNow(NOW)).toBe(NOW);
  learnClock("Sun, 29 Nov 2026 12:10:00 GMT", NOW);
  expect(serverNow(NOW)).toBe(NOW + 600_500);
  learnClock("nonsense", NOW);
  learnClock(null, NOW);
  expect(serverNow(NOW)).toBe(NOW + 600_500);
  learnClock("Sun, 29 Nov 2026 12:00:00 GMT", NOW);
  expect(serverNow(NOW)).toBe(NOW);
});

import { expect, it, vi } from "vitest";
import { throttle } from "./throttle";

it("calls at once, then seldom, and never loses the last", () => {
  vi.useFakeTimers();
  const action = vi.fn();
  const throttled = throttle(action, 100);
  throttled();
  throttled();
  throttled();
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(100);
  expect(action).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(500);
  expect(action).toHaveBeenCalledTimes(2);
  throttled();
  throttled();
  throttled.cancel();
  vi.advanceTimersByTime(500);
  expect(action).toHaveBeenCalledTimes(3);
  vi.useRealTimers();
});

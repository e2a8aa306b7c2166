import { describe, expect, it } from "vitest";
import type { JobEvent } from "../../shared/api/types";
import { EMPTY_HISTORY, extendHistory, KEPT_EVENTS } from "./history";

const candidate = (sequence: number, id: string): JobEvent => ({
  sequence,
  kind: "CANDIDATE",
  data: { candidate_id: id },
});
const progress = (sequence: number, completed: number): JobEvent => ({
  sequence,
  kind: "PROGRESS",
  data: { completed, best: 0.5 },
});

describe("extendHistory", () => {
  it("places candidates between the progress before and after them", () => {
    const history = extendHistory(EMPTY_HISTORY, [
      progress(1, 30),
      candidate(2, "a"),
      candidate(3, "b"),
      progress(4, 50),
    ]);
    expect(history.callsAt).toEqual(
      new Map([
        ["a", 40],
        ["b", 50],
      ]),
    );
    expect(history.progress).toEqual({ calls: 50, best: 0.5, ms: 0 });
    expect(history.events.map((event) => event.kind)).toEqual(["CANDIDATE", "CANDIDATE"]);
  });

  it("does not move on for events that come twice", () => {
    const batch = [progress(1, 10), candidate(2, "a"), progress(3, 20)];
    const once = extendHistory(EMPTY_HISTORY, batch);
    expect(extendHistory(once, batch)).toEqual(once);
  });

  it("knows which proposals are under way", () => {
    const launched = { kind: "PROPOSAL", data: { number: 1, parent: "a" } } as const;
    const beside = { kind: "PROPOSAL", data: { number: 2, parent: "a" } } as const;
    const ended = { kind: "PROPOSAL", data: { number: 1, parent: "a", outcome: "LOST" } } as const;
    const two = extendHistory(EMPTY_HISTORY, [
      { ...launched, sequence: 1 },
      { ...beside, sequence: 2 },
    ]);
    expect([...two.inFlight]).toEqual([
      [1, "a"],
      [2, "a"],
    ]);
    expect([...extendHistory(two, [{ ...ended, sequence: 3 }]).inFlight]).toEqual([[2, "a"]]);
    expect(two.inFlight.size).toBe(2);
  });

  it("stays small", () => {
    const many = Array.from({ length: KEPT_EVENTS + 7 }, (_, n): JobEvent => ({
      sequence: n + 1,
      kind: "RETRY",
    }));
    const history = extendHistory(EMPTY_HISTORY, many);
    expect(history.events).toHaveLength(KEPT_EVENTS);
    expect(history.dropped).toBe(7);
    expect(history.events.at(-1)?.sequence).toBe(KEPT_EVENTS + 7);
  });

  it("takes events with no data", () => {
    expect(extendHistory(EMPTY_HISTORY, [{ sequence: 1, kind: "PROGRESS" }, { sequence: 2 }]).last).toBe(2);
  });
});

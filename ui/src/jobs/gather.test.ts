import { expect, it } from "vitest";
import { gather } from "./gather";

it("takes the last word on each job", () => {
  const changes = gather([
    { kind: "RESET" },
    { kind: "CREATED", job_id: "a", job: { job_id: "a", attempt: 0 } },
    { kind: "CHANGED", job_id: "a", job: { job_id: "a", attempt: 1 } },
    { kind: "CHANGED", job_id: "b", job: { job_id: "b" } },
    { kind: "DELETED", job_id: "b" },
  ]);
  expect(changes.changed).toEqual(new Map([["a", { job_id: "a", attempt: 1 }]]));
  expect(changes.deleted).toEqual(new Set(["b"]));
  expect([changes.created, changes.reset]).toEqual([true, true]);
});

import { expect, it } from "vitest";
import { ApiError } from "../shared/api/errors";
import { doEach } from "./each";

it("does all, a few at once, and says which failed", async () => {
  const done: string[] = [];
  let most = 0;
  let now = 0;
  const action = async (id: string) => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    now--;
    if (id === "gone") throw new ApiError(404, "RESOURCE_DOES_NOT_EXIST", "gone");
    if (id === "bad") throw new Error("no");
    done.push(id);
  };
  await doEach(["a", "gone", "b", "c", "d", "e"], action);
  expect(done.sort()).toEqual(["a", "b", "c", "d", "e"]);
  expect(most).toBe(4);
  await expect(doEach(["a", "bad"], action)).rejects.toThrow("1 of 2 could not be done. bad: no");
});

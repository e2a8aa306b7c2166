import { expect, it } from "vitest";
import type { Job } from "../shared/api/types";
import { jobsOf, prependJobs, removeJobs, replaceJobs, type Pages } from "./merge";

const job = (id: string, attempt = 1): Job => ({ job_id: id, attempt });
const pages: Pages = {
  pages: [{ jobs: [job("a"), job("b")], next_page_token: "t" }, { jobs: [job("b"), job("c")] }],
  pageParams: ["", "t"],
};
const ids = (some: Pages) => jobsOf(some).map((each) => each.job_id);

it("shows a job once that stands on two pages", () => expect(ids(pages)).toEqual(["a", "b", "c"]));

it("changes jobs in their places", () => {
  const next = replaceJobs(pages, new Map([["c", job("c", 2)]]));
  expect(ids(next)).toEqual(["a", "b", "c"]);
  expect(jobsOf(next)[2]?.attempt).toBe(2);
  expect(replaceJobs(pages, new Map([["z", job("z")]]))).toBe(pages);
});

it("takes deleted ones away and puts new ones on top, once", () => {
  expect(ids(removeJobs(pages, new Set(["b"])))).toEqual(["a", "c"]);
  const next = prependJobs(pages, [job("n"), job("a")]);
  expect(ids(next)).toEqual(["n", "a", "b", "c"]);
  expect(prependJobs(next, [job("n")])).toBe(next);
});

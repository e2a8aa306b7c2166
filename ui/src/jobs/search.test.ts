import { describe, expect, it } from "vitest";
import { filterOf, isName, nextSort, orderByOf, readJobsSearch } from "./search";

describe("filterOf", () => {
  it("is nothing where nothing was asked", () => {
    expect(filterOf({})).toEqual({ filter: undefined, offset: 0 });
    expect(filterOf({ filter: "  " }).filter).toBeUndefined();
  });

  it("puts what was typed in brackets before the facets", () => {
    const search = { filter: "usage.calls > 5 OR verdict = 'WORSE'", status: ["JOB_STATUS_FAILED" as const] };
    expect(filterOf(search)).toEqual({
      filter: "(usage.calls > 5 OR verdict = 'WORSE') AND status IN ('FAILED')",
      offset: 1,
    });
  });

  it("joins the facets", () => {
    expect(filterOf({ verdict: ["WORSE"], kind: ["app"] }).filter).toBe(
      "verdict IN ('WORSE') AND kind IN ('app')",
    );
  });

  it("looks for a prompt's name where only words were typed, and quotes them", () => {
    expect(filterOf({ filter: "support-triage" }).filter).toBe("source_prompt_uri ILIKE '%support-triage%'");
    expect(isName("order by")).toBe(true);
    expect(isName("a = 1")).toBe(false);
    expect(isName("not done")).toBe(false);
  });
});

it("reads an address, and passes over what makes no sense", () => {
  const raw = {
    filter: 7,
    status: ["JOB_STATUS_FAILED", "X"],
    verdict: "WORSE",
    kind: ["app", "APP"],
    hide: ["age"],
    sort: "-cost",
  };
  expect(readJobsSearch(raw)).toEqual({
    filter: "7",
    status: ["JOB_STATUS_FAILED"],
    verdict: undefined,
    optimizer: undefined,
    kind: ["app"],
    hide: ["age"],
    sort: "-cost",
  });
});

it("orders by what the API can order by", () => {
  expect(orderByOf({})).toBeUndefined();
  expect(orderByOf({ sort: "-cost" })).toBe("usage.usd DESC");
  expect(orderByOf({ sort: "age" })).toBe("creation_timestamp_ms ASC");
  expect(orderByOf({ sort: "tags" })).toBeUndefined();
  expect([
    nextSort({}, "cost"),
    nextSort({ sort: "-cost" }, "cost"),
    nextSort({ sort: "cost" }, "cost"),
  ]).toEqual(["-cost", "cost", undefined]);
});

import { expect, it } from "vitest";
import { draftOf, missingIn, tidied } from "./draft";
import { readComplaints } from "./problems";
import { ApiError } from "../shared/api/errors";

it("takes from a job what it was asked for, its versions, and one reflection model", () => {
  const draft = draftOf({
    job_id: "j",
    experiment_id: "7",
    source_prompt_uri: "prompts:/triage/3",
    requested_source_prompt_uri: "prompts:/triage@production",
    config: {
      optimizer_type: "OPTIMIZER_TYPE_GEPA",
      scorers: ["exact_match"],
      budget: { max_calls: 500 },
      optimizer_config_json: '{"reflection_model":"openai:/large","merge":false}',
      seed: 0,
    },
    tags: [{ key: "team", value: "" }],
  });
  expect(draft).toEqual({
    experiment_id: "7",
    source_prompt_uri: "prompts:/triage/3",
    config: {
      optimizer_type: "OPTIMIZER_TYPE_GEPA",
      scorers: ["exact_match"],
      budget: { max_calls: 500 },
      optimizer_config_json: '{"merge":false}',
      reflection_model: "openai:/large",
      seed: 0,
    },
    tags: [{ key: "team" }],
  });
});

it("sends nothing that was not said", () => {
  expect(tidied({ config: { model: "", scorers: [], budget: { max_usd: undefined }, seed: 0 } })).toEqual({
    config: { seed: 0 },
  });
});

it("says what is missing before it asks the server", () => {
  expect(missingIn({})).toEqual(["a prompt", "a dataset", "a scorer"]);
  const metaprompt = { optimizer_type: "OPTIMIZER_TYPE_METAPROMPT" } as const;
  expect(missingIn({ source_prompt_uri: "prompts:/a/1", config: metaprompt })).toEqual([]);
  const half = { ...metaprompt, dataset_id: "d-1" };
  expect(missingIn({ source_prompt_uri: "prompts:/a/1", config: half })).toEqual(["a scorer"]);
});

it("puts each complaint at its field and loses none", () => {
  const complaints = readComplaints(
    new ApiError(400, "INVALID_PARAMETER_VALUE", "…", [
      { field: "scorers", value: "exact", remedy: "there is no such scorer" },
      { field: "config.budget.max_calls", value: "-3", remedy: "must be above 0" },
      { field: "optimizer_config.patience", value: "-1", remedy: "must be at least 1" },
      { field: "tags[0].key", value: "", remedy: "must have a name" },
      { field: "moon", value: "", remedy: "is made of cheese" },
    ]),
  );
  expect(complaints.at("scorers")).toBe("exact: there is no such scorer");
  expect(complaints.at("budget.max_calls")).toBe("-3: must be above 0");
  expect(complaints.at("optimizer_config.patience")).toBe("-1: must be at least 1");
  expect(complaints.at("tags")).toBe("must have a name");
  expect(complaints.at("model")).toBeUndefined();
  const placed = ["scorers", "budget", "optimizer_config", "tags"];
  expect(complaints.besides(placed).map(({ field }) => field)).toEqual(["moon"]);
});

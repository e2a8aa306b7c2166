import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { JOBS } from "../shared/api/paths";
import type { Draft } from "./draft";
import { commandOf, curlOf, optimizerWord, pythonOf, shellWord } from "./equivalents";

const NASTY = `it's "$HOME" \`id\` \\ \n🙂 -x`;
const TARGET = { url: "http://127.0.0.1:5000", token: false };
const DRAFT: Draft = {
  experiment_id: "1",
  source_prompt_uri: "prompts:/triage/2",
  config: {
    optimizer_type: "OPTIMIZER_TYPE_JOINT_SEARCH",
    dataset_id: "d-1",
    scorers: [`contains:${NASTY}`, "max_length:20=must"],
    optimizer_config_json: '{"trials":7,"patience":null,"refuse_copied_examples":true}',
    budget: { max_calls: 300, max_usd: 0.5 },
    split: { train: 0.4, validation: 0.3, test: 0.3 },
    inputs: { question: "messages[-1].content" },
    app: { url: "https://a.example/x", headers_from_env: { Authorization: "BURNISH_APP_TOKEN" } },
    seed: 0,
  },
  tags: [{ key: "team", value: NASTY }],
};

/** What a shell passes on. */
function wordsOf(command: string): string[] {
  const script = `set -- ${command}\nprintf '%s\\0' "$@"`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

it("quotes whatever there is for a shell", () => {
  expect(wordsOf(shellWord(NASTY))).toEqual([NASTY]);
  expect(wordsOf(shellWord(""))).toEqual([""]);
});

it("gives curl the very body", () => {
  const words = wordsOf(curlOf(DRAFT, TARGET));
  expect(words).toContain(`http://127.0.0.1:5000${JOBS}`);
  expect(JSON.parse(words.at(-1) ?? "")).toEqual(DRAFT);
  expect(curlOf(DRAFT, { ...TARGET, token: true })).toContain('"Authorization: Bearer $BURNISH_TOKEN"');
});

it("gives the command line every field, and says when it cannot", () => {
  const words = wordsOf(commandOf(DRAFT, TARGET) ?? "");
  expect(words.slice(0, 3)).toEqual(["burnish", "jobs", "create"]);
  for (const [flag, value] of [
    ["--scorer", `contains:${NASTY}`],
    ["--tag", `team=${NASTY}`],
    ["--split", "0.4/0.3/0.3"],
    ["--seed", "0"],
    ["--max-usd", "0.5"],
    ["--input", "question=messages[-1].content"],
    ["--app-url", "https://a.example/x"],
    ["--app-header", "Authorization=BURNISH_APP_TOKEN"],
    ["--optimizer", "joint-search"],
  ] as const) {
    expect(words.some((word, position) => word === flag && words[position + 1] === value)).toBe(true);
  }
  const several = { ...DRAFT, config: { ...DRAFT.config, further_source_prompt_uris: ["prompts:/b/1"] } };
  expect(commandOf(several, TARGET)).toBeUndefined();
});

it("writes Python's own words", () => {
  const code = pythonOf(DRAFT, TARGET);
  expect(code).toContain('optimizer_config={"trials": 7, "patience": None, "refuse_copied_examples": True},');
  expect(code).toContain("split=burnish.SplitFractions(train=0.4, validation=0.3, test=0.3),");
  expect(code).toContain(JSON.stringify(NASTY));
  expect(optimizerWord("OPTIMIZER_TYPE_FEW_SHOT")).toBe("few-shot");
});

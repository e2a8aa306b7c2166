import { JOBS } from "../shared/api/paths";
import type { JobConfig } from "../shared/api/types";
import { settingsOf, type Draft } from "./draft";

/** Where the code is going to run against. */
export interface Target {
  /** The server's root. */
  url: string;
  /** Whether it asks for a token; the code then takes it from BURNISH_TOKEN. */
  token: boolean;
}

/** A shell's word that is this text, whatever is in it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function curlOf(draft: Draft, { url, token }: Target): string {
  const lines = [
    `curl --fail-with-body ${shellWord(`${url}${JOBS}`)}`,
    ...(token ? [`-H "Authorization: Bearer $BURNISH_TOKEN"`] : []),
    "-H 'Content-Type: application/json'",
    `-d ${shellWord(JSON.stringify(draft, null, 2))}`,
  ];
  return lines.join(" \\\n  ");
}

const FLAGS: readonly [keyof JobConfig, string][] = [
  ["dataset_id", "--dataset"],
  ["optimizer_config_json", "--optimizer-config"],
  ["model", "--model"],
  ["reflection_model", "--reflection-model"],
  ["seed", "--seed"],
  ["concurrency", "--concurrency"],
  ["max_output_tokens", "--max-output-tokens"],
  ["call_timeout_seconds", "--call-timeout"],
  ["failure_share", "--failure-share"],
  ["max_unscored_share", "--max-unscored-share"],
  ["thinking", "--thinking"],
  ["register", "--register"],
  ["traces", "--traces"],
];

const LIMITS = [
  ["max_calls", "--max-calls"],
  ["max_tokens", "--max-tokens"],
  ["max_usd", "--max-usd"],
  ["max_seconds", "--max-seconds"],
] as const;

/** The name of an optimizer on the command line and in Python. */
export function optimizerWord(type: string | undefined): string {
  return (type ?? "").replace("OPTIMIZER_TYPE_", "").toLowerCase().replaceAll("_", "-");
}

/** undefined where the command line cannot say it: it makes jobs of one prompt. */
export function commandOf(draft: Draft, { url }: Target): string | undefined {
  const { config = {} } = draft;
  if (config.further_source_prompt_uris?.length) return undefined;
  const words: [string, string | number | undefined][] = [
    ["--url", url],
    ["--experiment-id", draft.experiment_id],
    ["--prompt", draft.source_prompt_uri],
    ...(config.scorers ?? []).map((scorer): [string, string] => ["--scorer", scorer]),
    ...pairs("--input", config.inputs),
    ["--app-url", config.app?.url],
    ["--app-timeout", config.app?.timeout_seconds],
    ...pairs("--app-header", config.app?.headers_from_env),
    ["--optimizer", optimizerWord(config.optimizer_type)],
    ...FLAGS.map(([name, flag]): [string, string | number | undefined] => [
      flag,
      config[name] as string | number | undefined,
    ]),
    ...LIMITS.map(([name, flag]): [string, number | undefined] => [flag, config.budget?.[name]]),
    ["--split", splitWord(config)],
    ...(draft.tags ?? []).map(({ key, value }): [string, string] => ["--tag", `${key ?? ""}=${value ?? ""}`]),
  ];
  const said = words.filter(([, value]) => value !== undefined && value !== "");
  return ["burnish jobs create", ...said.map(([flag, value]) => `${flag} ${shellWord(String(value))}`)].join(
    " \\\n  ",
  );
}

function pairs(flag: string, values: Record<string, string> | undefined): [string, string][] {
  return Object.entries(values ?? {}).map(([name, value]) => [flag, `${name}=${value}`]);
}

function splitWord({ split }: JobConfig): string | undefined {
  return split && [split.train, split.validation, split.test].map((share) => share ?? 0).join("/");
}

export function pythonOf(draft: Draft, { url }: Target): string {
  const { config = {} } = draft;
  const { budget, split, app, optimizer_type, optimizer_config_json, ...plain } = config;
  const options: [string, string][] = [
    ["experiment_id", literal(draft.experiment_id ?? "0")],
    ["optimizer_type", literal(optimizerWord(optimizer_type))],
    ...Object.entries(plain).map(([name, value]): [string, string] => [name, literal(value)]),
    ...(optimizer_config_json
      ? [["optimizer_config", literal(settingsOf(config))] satisfies [string, string]]
      : []),
    ...(budget ? [["budget", callOf("burnish.Budget", budget)] satisfies [string, string]] : []),
    ...(split ? [["split", callOf("burnish.SplitFractions", split)] satisfies [string, string]] : []),
    ...(app ? [["app", callOf("burnish.App", app)] satisfies [string, string]] : []),
    ...(draft.tags?.length
      ? [
          [
            "tags",
            literal(Object.fromEntries(draft.tags.map(({ key, value }) => [key ?? "", value ?? ""]))),
          ] satisfies [string, string],
        ]
      : []),
  ];
  return [
    "import burnish",
    "",
    `with burnish.Client(${literal(url)}) as client:`,
    "    job = client.create_job(",
    `        ${literal(draft.source_prompt_uri ?? "")},`,
    ...options.map(([name, value]) => `        ${name}=${value},`),
    "    )",
    "    print(job.job_id)",
  ].join("\n");
}

function callOf(name: string, fields: object): string {
  const said = Object.entries(fields).map(([field, value]) => `${field}=${literal(value)}`);
  return `${name}(${said.join(", ")})`;
}

/** JSON's strings and numbers are Python's, too. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([name, entry]) => `${literal(name)}: ${literal(entry)}`);
    return `{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}

import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { mlflowLink } from "../../shared/api/server";
import type { Job } from "../../shared/api/types";
import { formatCount, formatShare } from "../../shared/format/numbers";
import { formatExact } from "../../shared/format/time";
import { isFinal, optimizerName, promptOf, STOP_WORDS } from "../../shared/format/words";
import { visible } from "../../shared/format/visible";
import { Card } from "../../shared/parts/Card";
import classes from "./Overview.module.css";

/** What was asked for, and where its parts are in MLflow. */
export function Setup({ job }: { job: Job }) {
  const config = job.config ?? {};
  const experiment = job.experiment_id ?? "0";
  const rows: [string, ReactNode][] = [
    ["Source prompt", <PromptLink key="s" uri={job.source_prompt_uri} />],
    ["Asked for as", aliasOf(job)],
    ...(job.further_source_prompt_uris ?? config.further_source_prompt_uris ?? []).map(
      (uri): [string, ReactNode] => ["With", <PromptLink key={uri} uri={uri} />],
    ),
    [
      "New version",
      job.optimized_prompt_uri ? <PromptLink key="n" uri={job.optimized_prompt_uri} /> : whyNone(job),
    ],
    [
      "Run",
      job.run_id && <Outside path={`experiments/${experiment}/runs/${job.run_id}`}>{job.run_id}</Outside>,
    ],
    [
      "Dataset",
      config.dataset_id && (
        <Outside path={`experiments/${experiment}/datasets`}>
          {visible(job.dataset?.name ?? config.dataset_id)}
        </Outside>
      ),
    ],
    ["Data digest", job.dataset?.digest],
    ["Split", splitWords(job)],
    ["Scorers", (config.scorers ?? []).map(visible).join(", ")],
    ["Optimizer", optimizerName(config.optimizer_type)],
    ["Settings", settingsOf(config.optimizer_config_json)],
    ["App", config.app && visible(config.app.url ?? config.app.function ?? "")],
    ["Model", config.app ? undefined : (job.models?.target ?? config.model)],
    ["Reflection model", job.models?.reflection ?? config.reflection_model],
    ["Teacher", job.models?.teacher],
    ["Judges", job.models?.judges?.join(", ")],
    [
      "In flight",
      config.concurrency && `${formatCount(config.concurrency)} ${config.app ? "runs" : "calls"} at once`,
    ],
    ["Seed", config.seed],
    ["Created", job.creation_timestamp_ms && formatExact(job.creation_timestamp_ms)],
    ["Created by", job.created_by && visible(job.created_by)],
    ["Canceled by", job.canceled_by && visible(job.canceled_by)],
    ["Resumed by", job.resumed_by && visible(job.resumed_by)],
    ["Registered by", job.registered_by && visible(job.registered_by)],
    ["Promoted by", job.promoted_by && visible(job.promoted_by)],
    ["Workspace", job.workspace === "default" ? undefined : job.workspace],
    ["Stopped because", job.stop_reason && STOP_WORDS[job.stop_reason]],
    ["Worker", job.worker_id],
  ];
  return (
    <Card title="Setup">
      <dl className={classes.setup}>
        {rows
          .filter(([, value]) => value !== undefined && value !== "" && value !== 0)
          .map(([name, value], position) => (
            <div key={position}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}

function PromptLink({ uri }: { uri: string | undefined }) {
  const { name } = promptOf(uri);
  return <Outside path={`prompts/${encodeURIComponent(name)}`}>{uri}</Outside>;
}

function Outside({ path, children }: { path: string; children: ReactNode }) {
  const href = mlflowLink(path);
  if (href === null) return <>{children}</>;
  return (
    <Anchor href={href} inherit target="_blank" rel="noreferrer">
      {children}
    </Anchor>
  );
}

function splitWords(job: Job): string | undefined {
  const { train, validation, test } = job.dataset ?? {};
  if (train !== undefined || validation !== undefined) {
    return `${formatCount(train ?? 0)} train, ${formatCount(validation ?? 0)} validation, ${formatCount(test ?? 0)} test`;
  }
  const split = job.config?.split;
  if (!split) return undefined;
  const show = (share: number | undefined) => formatShare(share ?? 0);
  return `${show(split.train)} train, ${show(split.validation)} validation, ${show(split.test)} test`;
}

function aliasOf(job: Job): string | undefined {
  const asked = job.requested_source_prompt_uri;
  return asked === job.source_prompt_uri ? undefined : asked;
}

function whyNone(job: Job): string {
  const why = isFinal(job.state?.status) ? job.state?.status_message : undefined;
  return why ? `none: ${visible(why)}` : "none";
}

function settingsOf(json: string | undefined): string | undefined {
  if (!json) return undefined;
  try {
    const settings = JSON.parse(json) as Record<string, unknown>;
    const shown = Object.entries(settings)
      .filter(([name]) => name !== "reflection_model") // it has a row of its own
      .map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
    return visible(shown.join(", "));
  } catch {
    return visible(json);
  }
}

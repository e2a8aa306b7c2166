import { Alert, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { api, ask } from "../../shared/api/client";
import { JOBS } from "../../shared/api/paths";
import { promptOf } from "../../shared/format/words";
import { Confirm } from "../../shared/parts/Confirm";
import { useRefresh, type DialogProps } from "./dialogs";

const USUAL_ALIAS = "production";

/** Points an alias of the prompt at the job's version, or back at the one it started from. */
export function AliasDialog({ job, verb, ...dialog }: DialogProps & { verb: "promote" | "rollback" }) {
  const [alias, setAlias] = useState(USUAL_ALIAS);
  const refresh = useRefresh(job);
  const source = promptOf(job.source_prompt_uri);
  const winner = promptOf(job.optimized_prompt_uri);
  const promotes = verb === "promote";
  const target = promotes ? winner.version : source.version;
  const params = { path: { job_id: job.job_id ?? "" } };
  const body = { alias: alias.trim() };
  const move = async () => {
    const answer = await ask(
      promotes
        ? api.POST(`${JOBS}/{job_id}/promote`, { params, body })
        : api.POST(`${JOBS}/{job_id}/rollback`, { params, body }),
    );
    await refresh();
    const { name, version, previous_version: before } = answer.promotion ?? {};
    notifications.show({
      color: "green",
      title: `${name}@${body.alias} is version ${version} now`,
      message: before === undefined ? "The alias is new." : `It was version ${before}.`,
    });
  };
  return (
    <Confirm
      {...dialog}
      title={promotes ? "Promote the new prompt" : "Roll an alias back"}
      consequence={
        promotes
          ? `Everything that loads ${winner.name} by this alias gets version ${target} from its next load on. Rolling back brings version ${source.version} back.`
          : `Everything that loads ${source.name} by this alias gets version ${target} again, the one this job started from.`
      }
      action={promotes ? `Point it at version ${target}` : `Point it back at version ${target}`}
      disabled={!body.alias}
      onConfirm={move}
    >
      <TextInput
        label="Alias"
        value={alias}
        onChange={(event) => setAlias(event.currentTarget.value)}
        description={`prompts:/${winner.name}@${body.alias || "…"}`}
        data-autofocus
      />
      {promotes && job.verdict !== "IMPROVED" && (
        <Alert color="yellow">The sealed test did not show that this version is better.</Alert>
      )}
    </Confirm>
  );
}

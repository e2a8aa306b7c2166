import { Group, Select, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { versionsQuery } from "../shared/api/queries";
import { visible } from "../shared/format/visible";
import { promptOf } from "../shared/format/words";
import { Failure } from "../shared/layout/states";
import { Badge } from "../shared/parts/Badge";
import { Card } from "../shared/parts/Card";
import { TemplateBlocks } from "../shared/parts/TemplateBlocks";
import { CatalogSelect } from "./CatalogSelect";
import type { FormProps } from "./form";
import classes from "./New.module.css";
import { promptsQuery } from "./queries";

/** Which prompt, which version or alias of it, and what it says. */
export function PromptField({ draft, complaints, onChange }: FormProps) {
  const uri = draft.source_prompt_uri;
  const { name, version } = uri ? promptOf(uri) : { name: "", version: "" };
  const queries = useQueryClient();
  const versions = useQuery(versionsQuery(name));
  const shown = versions.data?.find(
    (entry) => String(entry.version) === version || entry.aliases?.includes(version),
  );
  const choices = (versions.data ?? []).flatMap(({ version, aliases = [] }) => [
    ...aliases.map((alias) => ({
      value: `prompts:/${name}@${alias}`,
      label: `@${visible(alias)}, now ${version}`,
    })),
    { value: `prompts:/${name}/${version}`, label: `Version ${version}` },
  ]);
  const choose = async (chosen: string) => {
    if (!chosen) return onChange({ source_prompt_uri: undefined });
    const [newest] = await queries.query(versionsQuery(chosen));
    onChange({ source_prompt_uri: newest?.uri ?? `prompts:/${chosen}/1` });
  };
  return (
    <Card title="Prompt">
      <Stack gap="sm">
        <div className={classes.pair}>
          <CatalogSelect
            label="Prompt to improve"
            placeholder="Choose one of MLflow's prompts"
            value={name}
            onChange={(chosen) => void choose(chosen)}
            useOptions={usePrompts}
            error={complaints.at("source_prompt_uri")}
          />
          <Select
            label="Version or alias"
            data={choices}
            value={uri && choices.some((choice) => choice.value === uri) ? uri : null}
            onChange={(chosen) => chosen && onChange({ source_prompt_uri: chosen })}
            disabled={!name}
            allowDeselect={false}
            comboboxProps={{ shadow: "md" }}
          />
        </div>
        {name && versions.isPending && <Skeleton h={90} />}
        {versions.error && <Failure error={versions.error} onRetry={() => void versions.refetch()} />}
        {shown && (
          <>
            <TemplateBlocks template={shown.template ?? {}} label={`Version ${shown.version ?? ""}`} />
            <Group gap={6}>
              <Text size="sm" c="dimmed">
                {shown.variables?.length ? "Variables:" : "It has no variables."}
              </Text>
              {shown.variables?.map((variable) => (
                <Badge key={variable} tone="live">
                  {visible(variable)}
                </Badge>
              ))}
              {shown.model && (
                <Text size="sm" c="dimmed">
                  Its own model: {visible(shown.model)}
                </Text>
              )}
            </Group>
          </>
        )}
      </Stack>
    </Card>
  );
}

function usePrompts(search: string) {
  const { data, isPending, error } = useQuery(promptsQuery(search));
  const options = (data?.prompts ?? []).map(({ name = "" }) => ({ value: name, label: name }));
  return { options, pending: isPending, error };
}

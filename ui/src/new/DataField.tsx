import { Button, Collapse, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { versionsQuery } from "../shared/api/queries";
import { formatCount, plural } from "../shared/format/numbers";
import { promptOf } from "../shared/format/words";
import { Failure } from "../shared/layout/states";
import { Card } from "../shared/parts/Card";
import { CatalogSelect } from "./CatalogSelect";
import type { FormProps } from "./form";
import { PathFields } from "./PathFields";
import { datasetQuery, datasetsQuery } from "./queries";
import { Records } from "./Records";
import { TracesForm } from "./TracesForm";
import { UploadForm } from "./UploadForm";

/** The dataset, what is in it, and a way to bring one. */
export function DataField(form: FormProps) {
  const { draft, complaints, onConfig } = form;
  const [source, setSource] = useState<"file" | "traces">();
  const toggle = (wanted: "file" | "traces") => setSource(source === wanted ? undefined : wanted);
  const take = (dataset_id: string) => {
    onConfig({ dataset_id });
    setSource(undefined);
  };
  const id = draft.config?.dataset_id ?? "";
  const preview = useQuery(datasetQuery(id));
  const { name, version } = promptOf(draft.source_prompt_uri);
  const versions = useQuery(versionsQuery(draft.source_prompt_uri ? name : ""));
  const variables =
    versions.data?.find((entry) => String(entry.version) === version || entry.aliases?.includes(version))
      ?.variables ?? [];
  const count = preview.data?.dataset?.records;
  const missing = variables.filter(
    (variable) => !preview.data?.columns?.some((column) => column.name === variable),
  );
  const unsaid = missing.filter((variable) => !draft.config?.inputs?.[variable]);
  return (
    <Card
      title="Data"
      aside={
        <Group gap="xs">
          <Button size="xs" variant="light" aria-expanded={source === "file"} onClick={() => toggle("file")}>
            {source === "file" ? "Close the upload" : "Upload a file"}
          </Button>
          <Button
            size="xs"
            variant="light"
            aria-expanded={source === "traces"}
            onClick={() => toggle("traces")}
          >
            {source === "traces" ? "Close the traces" : "From traces"}
          </Button>
        </Group>
      }
    >
      <Stack gap="sm">
        <Collapse expanded={source !== undefined}>
          {source === "file" && (
            <UploadForm experimentId={draft.experiment_id ?? "0"} variables={variables} onUploaded={take} />
          )}
          {source === "traces" && <TracesForm experimentId={draft.experiment_id ?? "0"} onMade={take} />}
        </Collapse>
        <CatalogSelect
          label="Dataset"
          placeholder="Choose one of MLflow's datasets"
          value={id}
          onChange={(chosen) => onConfig({ dataset_id: chosen || undefined })}
          useOptions={useDatasets}
          error={complaints.at("dataset_id")}
          clearable
        />
        {id && preview.isPending && <Skeleton h={120} />}
        {preview.error && <Failure error={preview.error} onRetry={() => void preview.refetch()} />}
        {preview.data && (
          <>
            <Group gap="md">
              <Text size="sm" c="dimmed">
                {count === undefined
                  ? "Its first records:"
                  : `${plural(count, "record")}; the first of them:`}
              </Text>
            </Group>
            <Records columns={preview.data.columns ?? []} records={preview.data.records ?? []} />
            {unsaid.length > 0 && (
              <Text size="sm" c="var(--warn)">
                No column for {unsaid.map((variable) => `{{${variable}}}`).join(", ")}, which the prompt asks
                for.
              </Text>
            )}
            <PathFields {...form} variables={missing} />
          </>
        )}
      </Stack>
    </Card>
  );
}

function useDatasets(search: string) {
  const { data, isPending, error } = useQuery(datasetsQuery(search));
  const options = (data?.datasets ?? []).map(({ dataset_id = "", name = "", records }) => ({
    value: dataset_id,
    label: records === undefined ? name : `${name} (${formatCount(records)})`,
  }));
  return { options, pending: isPending, error };
}

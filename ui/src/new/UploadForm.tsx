import { Button, FileInput, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { plural } from "../shared/format/numbers";
import { visible } from "../shared/format/visible";
import { Failure } from "../shared/layout/states";
import classes from "./New.module.css";
import { readComplaints } from "./problems";
import { uploadDataset, type Upload } from "./queries";
import { Records } from "./Records";

interface UploadFormProps {
  experimentId: string;
  /** Of the prompt: each is asked for a column. */
  variables: readonly string[];
  onUploaded: (datasetId: string) => void;
}

/** A file, which of its columns is which variable, what comes of that, and then a dataset. */
export function UploadForm({ experimentId, variables, onUploaded }: UploadFormProps) {
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [target, setTarget] = useState("");
  const first = useMutation({ mutationFn: uploadDataset });
  const mapped = useMutation({ mutationFn: uploadDataset });
  const upload = useMutation({ mutationFn: uploadDataset });

  const names = (first.data?.columns ?? [])
    .filter((column) => column.kind === "input")
    .map((column) => column.name ?? "");
  const unmapped = variables.filter((variable) => !mapping[variable] && !names.includes(variable));
  const requestOf = (columns: Record<string, string>, answer: string): Upload | undefined =>
    file
      ? {
          file,
          experiment_id: experimentId,
          ...(name ? { name } : {}),
          columns: Object.entries(columns).map(([variable, column]) => `${variable}=${column}`),
          ...(answer ? { target: answer } : {}),
        }
      : undefined;
  const look = (columns: Record<string, string>, answer: string) => {
    setMapping(columns);
    setTarget(answer);
    const request = requestOf(columns, answer);
    upload.reset();
    if (request) mapped.mutate({ ...request, dry_run: true });
  };
  const open = (chosen: File | null) => {
    setFile(chosen);
    setMapping({});
    setTarget("");
    [first, mapped, upload].forEach((call) => call.reset());
    if (chosen) first.mutate({ file: chosen, experiment_id: experimentId, dry_run: true });
  };
  const send = async () => {
    const request = requestOf(mapping, target);
    if (!request) return;
    const { dataset } = await upload.mutateAsync(request);
    await queries.invalidateQueries({ queryKey: ["catalog", "datasets"] });
    if (dataset?.dataset_id) onUploaded(dataset.dataset_id);
  };

  const error = upload.error ?? mapped.error ?? first.error;
  const complaints = readComplaints(error);
  const placed = [...variables.map((variable) => `columns.${variable}`), "target", "name"];
  const unplaced =
    error !== null && (complaints.besides(placed).length > 0 || !hasProblems(complaints, placed));
  const shown = mapped.error ? undefined : (mapped.data ?? first.data);
  return (
    <Stack gap="sm" className={classes.upload}>
      <FileInput
        label="File"
        description="CSV, JSON Lines or Parquet, at most 100 MB. It is only read until you make the dataset."
        placeholder="Choose a file"
        accept=".csv,.jsonl,.parquet"
        value={file}
        onChange={open}
        clearable
      />
      {first.data && (
        <>
          <div className={classes.grid}>
            {variables.map((variable) => (
              <Select
                key={variable}
                label={`Column for {{${visible(variable)}}}`}
                data={options(names)}
                value={mapping[variable] ?? (names.includes(variable) ? variable : null)}
                onChange={(column) => look(withColumn(mapping, variable, column, variables, names), target)}
                placeholder="Choose a column"
                error={complaints.at(`columns.${variable}`)}
                allowDeselect={false}
              />
            ))}
            <Select
              label="Column of the expected answer"
              placeholder={hasAnswer(first.data) ? "Found by its name" : "None"}
              data={options(names)}
              value={target || null}
              onChange={(column) => look(mapping, column ?? "")}
              error={complaints.at("target")}
              clearable
            />
            <TextInput
              label="Name of the dataset"
              placeholder={first.data.dataset?.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={complaints.at("name")}
            />
          </div>
        </>
      )}
      {unplaced && <Failure error={error} />}
      {shown && (
        <>
          <Text size="sm" c="dimmed">
            {plural(shown.dataset?.records ?? 0, "record")} will become the dataset; the first of them:
          </Text>
          <Records columns={shown.columns ?? []} records={shown.records ?? []} />
          {shown.notes?.map((note) => (
            <Text key={note} size="sm" c="dimmed">
              {visible(note)}
            </Text>
          ))}
        </>
      )}
      {first.data && unmapped.length > 0 && (
        <Text size="sm" c="var(--warn)">
          Choose a column for {unmapped.map((variable) => `{{${visible(variable)}}}`).join(", ")}: the prompt
          asks for it, and no column is called so.
        </Text>
      )}
      <Group justify="flex-end">
        <Button
          size="xs"
          disabled={!shown || mapped.isPending || unmapped.length > 0}
          loading={upload.isPending || first.isPending}
          onClick={() => void send().catch(() => undefined)}
        >
          Make the dataset
        </Button>
      </Group>
    </Stack>
  );
}

/** One variable said makes the others be said, too: the server then takes only those. */
function withColumn(
  mapping: Record<string, string>,
  variable: string,
  column: string | null,
  variables: readonly string[],
  names: readonly string[],
): Record<string, string> {
  const same = variables.filter((entry) => names.includes(entry)).map((entry) => [entry, entry]);
  return {
    ...(Object.fromEntries(same) as Record<string, string>),
    ...mapping,
    ...(column ? { [variable]: column } : {}),
  };
}

function hasAnswer({ columns = [] }: { columns?: { kind?: string }[] }): boolean {
  return columns.some((column) => column.kind === "expectation");
}

function hasProblems(complaints: ReturnType<typeof readComplaints>, fields: readonly string[]): boolean {
  return fields.some((field) => complaints.at(field) !== undefined);
}

function options(names: readonly string[]) {
  return names.map((name) => ({ value: name, label: visible(name) }));
}

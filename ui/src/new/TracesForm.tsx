import { Button, Group, List, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { plural } from "../shared/format/numbers";
import { visible } from "../shared/format/visible";
import { Failure } from "../shared/layout/states";
import classes from "./New.module.css";
import { NumberField } from "./NumberField";
import { readComplaints } from "./problems";
import { makeDatasetFromTraces, type TracesRequest } from "./queries";
import { Records } from "./Records";

interface TracesFormProps {
  experimentId: string;
  onMade: (datasetId: string) => void;
}

const PLACED = ["filter", "feedback", "sample", "name"];

/** The traces of an experiment, what would come of them, what personal data is in them, and then a dataset. */
export function TracesForm({ experimentId, onMade }: TracesFormProps) {
  const queries = useQueryClient();
  const [request, setRequest] = useState<TracesRequest>({});
  const [personal, setPersonal] = useState("");
  const look = useMutation({ mutationFn: makeDatasetFromTraces });
  const make = useMutation({ mutationFn: makeDatasetFromTraces });
  const body = { ...request, experiment_id: experimentId };
  const change = (changes: TracesRequest) => {
    setRequest({ ...request, ...changes });
    setPersonal("");
    look.reset();
    make.reset();
  };
  const send = async () => {
    const decision = personal ? { [personal]: true } : {};
    const { dataset } = await make.mutateAsync({ ...body, ...decision });
    await queries.invalidateQueries({ queryKey: ["catalog", "datasets"] });
    if (dataset?.dataset_id) onMade(dataset.dataset_id);
  };
  const error = make.error ?? look.error;
  const complaints = readComplaints(error);
  const placed = PLACED.some((field) => complaints.at(field) !== undefined);
  const unplaced = error !== null && (!placed || complaints.besides(PLACED).length > 0);
  const found = look.data;
  const finds = found?.personal_data ?? [];
  return (
    <Stack gap="sm" className={classes.upload}>
      <Text size="sm" c="dimmed">
        What an app has logged in the experiment that is chosen below. Expectations and a person's feedback
        become what is expected.
      </Text>
      <div className={classes.grid}>
        <TextInput
          label="Filter"
          placeholder="attributes.status = 'OK'"
          value={request.filter ?? ""}
          onChange={(event) => change({ filter: event.currentTarget.value || undefined })}
          error={complaints.at("filter")}
        />
        <TextInput
          label="Feedback"
          description="Only traces that have it. A yes makes the app's output the expected response."
          placeholder="Its name"
          value={request.feedback ?? ""}
          onChange={(event) => change({ feedback: event.currentTarget.value || undefined })}
          error={complaints.at("feedback")}
        />
        <NumberField
          label="Sample"
          placeholder="all"
          value={request.sample}
          onChange={(sample) => change({ sample })}
          error={complaints.at("sample")}
        />
        <TextInput
          label="Name of the dataset"
          placeholder={`traces-${experimentId}`}
          value={request.name ?? ""}
          onChange={(event) => change({ name: event.currentTarget.value || undefined })}
          error={complaints.at("name")}
        />
      </div>
      {unplaced && <Failure error={error} />}
      {found && (
        <>
          <Text size="sm" c="dimmed">
            {plural(found.dataset?.records ?? 0, "record")} will become the dataset; the first of them:
          </Text>
          <Records columns={found.columns ?? []} records={found.records ?? []} />
          {found.notes?.map((note) => (
            <Text key={note} size="sm" c="dimmed">
              {visible(note)}
            </Text>
          ))}
        </>
      )}
      {finds.length > 0 && (
        <Radio.Group
          label="There is personal data in them"
          value={personal}
          onChange={setPersonal}
          role="radiogroup"
        >
          <List size="sm" my="xs">
            {finds.map(({ field = "", value = "", message = "" }) => (
              <List.Item key={`${field} ${message}`}>
                {visible(field)}: {visible(value)}, {visible(message.split("; ")[0] ?? "")}
              </List.Item>
            ))}
          </List>
          <Group>
            <Radio value="mask" label="Mask it" />
            <Radio value="allow_personal_data" label="Keep it as it is" />
          </Group>
        </Radio.Group>
      )}
      <Group justify="flex-end">
        <Button
          size="xs"
          variant="default"
          loading={look.isPending}
          onClick={() => look.mutate({ ...body, dry_run: true })}
        >
          Look
        </Button>
        <Button
          size="xs"
          disabled={!found || (finds.length > 0 && !personal)}
          loading={make.isPending}
          onClick={() => void send().catch(() => undefined)}
        >
          Make the dataset
        </Button>
      </Group>
    </Stack>
  );
}

import { Autocomplete, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { visible } from "../shared/format/visible";
import { Card } from "../shared/parts/Card";
import type { FormProps } from "./form";
import classes from "./New.module.css";
import { optimizersQuery, providersQuery } from "./queries";

/** Who answers, and who writes proposals. */
export function ModelFields({ draft, complaints, onConfig }: FormProps) {
  const { data } = useQuery(providersQuery);
  const optimizers = useQuery(optimizersQuery).data;
  const providers = data?.providers ?? [];
  const usable = providers.filter((provider) => provider.usable);
  const suggestions = usable.flatMap(({ scheme = "", models = [] }) =>
    models.length ? models : [`${scheme}:/`],
  );
  const second = optimizers?.find((entry) => entry.type === draft.config?.optimizer_type)?.second_model;
  const hint = (uri: string | undefined) => {
    const found = providers.find(({ scheme }) => uri?.startsWith(`${scheme}:/`));
    return found && !found.usable ? found.remedy : undefined;
  };
  const { model, app, reflection_model } = draft.config ?? {};
  return (
    <Card title="Models">
      <div className={classes.grid}>
        <Autocomplete
          label="Model that answers"
          description="Left empty: the prompt's own."
          placeholder="openai:/gpt-4o-mini"
          data={suggestions}
          value={model ?? ""}
          onChange={(typed) => onConfig({ model: typed || undefined })}
          error={complaints.at("model") ?? hint(model)}
          disabled={app !== undefined}
        />
        <TextInput
          label="URL of an app"
          description="In the model's place; one that the server's operator allows."
          placeholder="https://apps.example/support"
          value={app?.url ?? ""}
          onChange={(event) => {
            const url = event.currentTarget.value;
            onConfig(url ? { app: { ...app, url }, model: undefined } : { app: undefined });
          }}
          error={complaints.at("app")}
        />
        <Autocomplete
          label="Model that writes proposals"
          description={secondWords(second)}
          placeholder="openai:/gpt-4o"
          data={suggestions}
          value={reflection_model ?? ""}
          onChange={(typed) => onConfig({ reflection_model: typed || undefined })}
          error={complaints.at("reflection_model") ?? hint(reflection_model)}
        />
      </div>
      {usable.length > 0 && (
        <Text size="xs" c="dimmed" mt="sm">
          The server can ask {usable.map(({ scheme = "" }) => visible(scheme)).join(", ")}.
        </Text>
      )}
    </Card>
  );
}

function secondWords(second: string | undefined): string {
  switch (second) {
    case "yes":
      return "This optimizer needs one; a large one pays.";
    case "if you like":
      return "This optimizer can do without.";
    default:
      return "A large one pays: it is asked seldom.";
  }
}

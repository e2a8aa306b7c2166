import { Select, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { visible } from "../shared/format/visible";
import { NumberField } from "./NumberField";
import { labelOf, type SettingField } from "./settings";

export interface SettingInputProps {
  field: SettingField;
  /** undefined: the default. */
  value: unknown;
  onChange: (value: unknown) => void;
  error: string | undefined;
}

/** One setting with what it means. Empty is its default. */
export function SettingInput({ field, value, onChange, error }: SettingInputProps) {
  const common = {
    label: labelOf(field.name),
    description: visible(field.description),
    placeholder: defaultWords(field),
    error,
    required: field.required,
    withAsterisk: field.required,
  };
  switch (field.kind) {
    case "integer":
    case "number":
      return (
        <NumberField
          {...common}
          value={typeof value === "number" ? value : undefined}
          onChange={onChange}
          allowDecimal={field.kind === "number"}
        />
      );
    case "boolean":
      return (
        <Select
          {...common}
          data={[
            { value: "true", label: "Yes" },
            { value: "false", label: "No" },
          ]}
          value={typeof value === "boolean" ? String(value) : null}
          onChange={(chosen) => onChange(chosen === null ? undefined : chosen === "true")}
          clearable
        />
      );
    case "choice":
      return (
        <Select
          {...common}
          data={field.choices}
          value={typeof value === "string" ? value : null}
          onChange={(chosen) => onChange(chosen ?? undefined)}
          clearable
        />
      );
    case "text":
      return (
        <TextInput
          {...common}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        />
      );
    case "json":
      return <JsonInput {...common} value={value} onChange={onChange} />;
  }
}

type JsonInputProps = Omit<SettingInputProps, "field"> & {
  label: string;
  description: string;
  placeholder: string;
};

/** While it is no JSON it stays a text of this field, and the setting as it was. */
function JsonInput({ value, onChange, error, ...props }: JsonInputProps) {
  const [typed, setTyped] = useState(value === undefined ? "" : JSON.stringify(value));
  const unreadable = typed.trim() !== "" && read(typed) === undefined;
  return (
    <Textarea
      {...props}
      autosize
      minRows={1}
      value={typed}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        if (text.trim() === "") onChange(undefined);
        else if (read(text) !== undefined) onChange(read(text));
      }}
      error={unreadable ? 'must be JSON, such as ["user"] or {"temperature": 1}' : error}
    />
  );
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function defaultWords({ default: value, required }: SettingField): string {
  if (required) return "";
  if (value === undefined || value === null) return "default";
  if (typeof value === "boolean") return value ? "default: yes" : "default: no";
  return `default: ${typeof value === "string" ? value : JSON.stringify(value)}`;
}

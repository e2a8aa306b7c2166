import { TextInput } from "@mantine/core";
import { visible } from "../shared/format/visible";
import type { FormProps } from "./form";
import classes from "./New.module.css";

interface PathFieldsProps extends FormProps {
  /** Of the prompt, without a column of their own. */
  variables: readonly string[];
}

/** Where a variable stands in nested records. */
export function PathFields({ variables, draft, complaints, onConfig }: PathFieldsProps) {
  const inputs = draft.config?.inputs ?? {};
  const names = [...new Set([...variables, ...Object.keys(inputs)])];
  return (
    <div className={classes.grid}>
      {names.map((name) => (
        <TextInput
          key={name}
          label={`Path to {{${visible(name)}}}`}
          description="JMESPath in a record's inputs."
          placeholder="messages[-1].content"
          value={inputs[name] ?? ""}
          onChange={(event) => onConfig({ inputs: { ...inputs, [name]: event.currentTarget.value } })}
          error={complaints.at(`inputs.${name}`)}
        />
      ))}
    </div>
  );
}

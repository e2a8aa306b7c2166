import { Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { visible } from "../shared/format/visible";

export interface Option {
  value: string;
  label: string;
}

interface Props extends Omit<SelectProps, "data" | "value" | "onChange" | "searchValue" | "onSearchChange"> {
  value: string;
  onChange: (value: string) => void;
  /** Hook: what there is whose name holds this text. */
  useOptions: (search: string) => { options: Option[]; pending: boolean; error: unknown };
}

const TYPING_MS = 250;

/** One of what the tracking server has; it is asked again as one types, since there may be thousands. */
export function CatalogSelect({ value, onChange, useOptions, error, ...props }: Props) {
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed, TYPING_MS);
  const chosen = useOptions("").options.find((option) => option.value === value);
  const found = useOptions(typed === chosen?.label ? "" : search);
  const options = found.options.map((option) => ({ ...option, label: visible(option.label) }));
  if (value && !options.some((option) => option.value === value))
    options.unshift(chosen ?? { value, label: visible(value) });
  return (
    <Select
      {...props}
      searchable
      value={value || null}
      onChange={(next) => onChange(next ?? "")}
      data={options}
      searchValue={typed}
      onSearchChange={setTyped}
      nothingFoundMessage={found.pending ? "Looking…" : "Nothing of that name"}
      error={error ?? (found.error ? "The list cannot be read now; it is tried again." : undefined)}
      comboboxProps={{ shadow: "md" }}
    />
  );
}

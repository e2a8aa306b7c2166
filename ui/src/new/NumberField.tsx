import { NumberInput, type NumberInputProps } from "@mantine/core";

interface Props extends Omit<NumberInputProps, "value" | "onChange"> {
  value: number | undefined;
  onChange: (value: number | undefined) => void;
  /** What is shown is the value times this: 100 for percent. */
  times?: number;
}

/** A number, or none where the field is empty. What is out of bounds the server says. */
export function NumberField({ value, onChange, times = 1, ...props }: Props) {
  return (
    <NumberInput
      {...props}
      hideControls
      clampBehavior="none"
      value={value === undefined ? "" : round(value * times)}
      onChange={(typed) => onChange(typeof typed === "number" ? round(typed / times) : undefined)}
    />
  );
}

/** 0.35 × 100 is 35. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

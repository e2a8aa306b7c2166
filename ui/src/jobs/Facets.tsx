import { Button, Checkbox, Popover, Stack } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { JobStatus, OptimizerType, Verdict } from "../shared/api/types";
import { KIND_WORDS, OPTIMIZER_NAMES, STATUS_WORDS, VERDICT_WORDS, type Kind } from "../shared/format/words";
import { ALWAYS_SHOWN, COLUMNS, shownColumns, type ColumnKey } from "./columns";
import type { JobsSearch } from "./search";

export interface FacetsProps {
  search: JobsSearch;
  onChange: (changes: Partial<JobsSearch>) => void;
}

/** Narrow by a few values, and choose the columns. */
export function Facets({ search, onChange }: FacetsProps) {
  const words = (from: Record<string, { label: string }>) =>
    Object.entries(from).map(([value, { label }]): [string, string] => [value, label]);
  const hidden = search.hide ?? [];
  const shown = shownColumns(hidden);
  const optional = (Object.keys(COLUMNS) as ColumnKey[]).filter((key) => !ALWAYS_SHOWN.includes(key));
  return (
    <>
      <Facet
        label="Status"
        options={words(STATUS_WORDS)}
        chosen={search.status ?? []}
        onChange={(values) => onChange({ status: values.length ? (values as JobStatus[]) : undefined })}
      />
      <Facet
        label="Verdict"
        options={words(VERDICT_WORDS)}
        chosen={search.verdict ?? []}
        onChange={(values) => onChange({ verdict: values.length ? (values as Verdict[]) : undefined })}
      />
      <Facet
        label="Optimizer"
        options={Object.entries(OPTIMIZER_NAMES)}
        chosen={search.optimizer ?? []}
        onChange={(values) =>
          onChange({ optimizer: values.length ? (values as OptimizerType[]) : undefined })
        }
      />
      <Facet
        label="Kind"
        options={Object.entries(KIND_WORDS)}
        chosen={search.kind ?? []}
        onChange={(values) => onChange({ kind: values.length ? (values as Kind[]) : undefined })}
      />
      <Facet
        label="Columns"
        plain
        options={optional.map((key): [string, string] => [key, COLUMNS[key].label])}
        chosen={shown}
        onChange={(values) => {
          const away = optional.filter((key) => !values.includes(key));
          onChange({ hide: away.length ? away : undefined });
        }}
      />
    </>
  );
}

interface FacetProps {
  label: string;
  options: readonly [string, string][];
  chosen: readonly string[];
  onChange: (values: string[]) => void;
  /** Without the number of those chosen, and only where there is a table. */
  plain?: boolean;
}

function Facet({ label, options, chosen, onChange, plain = false }: FacetProps) {
  const count = plain ? 0 : chosen.length;
  return (
    <Popover position="bottom-start" withinPortal>
      <Popover.Target>
        <Button
          variant={count ? "light" : "default"}
          {...(plain ? { visibleFrom: "sm" } : {})}
          size="sm"
          px="sm"
          rightSection={<IconChevronDown size={14} />}
          fw={550}
        >
          {label}
          {count > 0 && ` · ${count}`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Checkbox.Group value={[...chosen]} onChange={onChange} aria-label={label}>
          <Stack gap="xs">
            {options.map(([value, text]) => (
              <Checkbox key={value} value={value} label={text} size="sm" />
            ))}
          </Stack>
        </Checkbox.Group>
      </Popover.Dropdown>
    </Popover>
  );
}

import { UnstyledButton } from "@mantine/core";
import { formatCount } from "../../shared/format/numbers";
import classes from "./Examples.module.css";
import type { Fate } from "./matrix";

const WORDS: Record<Fate, { label: string; title: string }> = {
  fixed: { label: "fixed", title: "The best prompt scores more than the source" },
  broken: { label: "broken", title: "The best prompt scores less than the source" },
  failing: { label: "always failing", title: "No candidate scores anything" },
  right: { label: "always right", title: "Every candidate scores all" },
  other: { label: "unchanged", title: "Source and best prompt score the same; some others do not" },
};

/** How many examples were fixed, broken and so on. A click shows only those. */
export function Fates({
  fates,
  only,
  onOnly,
}: {
  fates: readonly Fate[];
  only: Fate | undefined;
  onOnly: (fate: Fate | undefined) => void;
}) {
  return (
    <div className={classes.fates} role="group" aria-label="What became of the examples">
      {(Object.keys(WORDS) as Fate[]).map((fate) => {
        const count = fates.filter((each) => each === fate).length;
        return (
          <UnstyledButton
            key={fate}
            data-fate={fate}
            disabled={count === 0}
            aria-pressed={only === fate}
            title={WORDS[fate].title}
            onClick={() => onOnly(only === fate ? undefined : fate)}
          >
            <b>{formatCount(count)}</b> {WORDS[fate].label}
          </UnstyledButton>
        );
      })}
    </div>
  );
}

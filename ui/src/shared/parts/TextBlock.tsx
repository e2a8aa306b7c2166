import { Button } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { formatCount } from "../format/numbers";
import { visible } from "../format/visible";
import classes from "./TextBlock.module.css";

const CUT_AT = 8_000;

/** A text of a person or a model: shown as it is, never as HTML; a very long one in part. */
export function TextBlock({ text, label }: { text: string; label?: string }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > CUT_AT;
  return (
    <Frame label={label}>
      {visible(cut ? text.slice(0, CUT_AT) : text)}
      {cut && (
        <Button size="compact-xs" variant="light" display="block" mt="xs" onClick={() => setWhole(true)}>
          Show all {formatCount(text.length)} characters
        </Button>
      )}
    </Frame>
  );
}

/** The frame of such texts. */
export function Frame({ label, children }: { label?: string | undefined; children: ReactNode }) {
  return (
    <div className={classes.frame}>
      {label && <div className={classes.label}>{label}</div>}
      <div className={classes.text} dir="auto" tabIndex={0} role="group" aria-label={label ?? "Text"}>
        {children}
      </div>
    </div>
  );
}

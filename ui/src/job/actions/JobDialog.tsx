import { AliasDialog } from "./AliasDialog";
import { CancelDialog, DeleteDialog, ResumeDialog, type DialogProps } from "./dialogs";

export type Action = "cancel" | "resume" | "delete" | "promote" | "rollback";

/** Asks whether an action is meant, and does it. */
export default function JobDialog({ action, ...dialog }: DialogProps & { action: Action }) {
  switch (action) {
    case "cancel":
      return <CancelDialog {...dialog} />;
    case "resume":
      return <ResumeDialog {...dialog} />;
    case "delete":
      return <DeleteDialog {...dialog} />;
    default:
      return <AliasDialog {...dialog} verb={action} />;
  }
}

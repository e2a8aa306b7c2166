import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { Failure } from "../layout/states";

export interface ConfirmProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will happen, and what will not. */
  consequence: ReactNode;
  /** The verb. */
  action: string;
  danger?: boolean;
  disabled?: boolean;
  /** Does it. What it throws is shown, and the dialog stays. */
  onConfirm: () => Promise<unknown>;
  children?: ReactNode;
}

/** Says what an action brings before it is done. */
export function Confirm(props: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => {
    setError(undefined);
    props.onClose();
  };
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={props.opened} onClose={close} title={props.title} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!props.disabled) void confirm();
        }}
      >
        <Stack>
          <Text size="sm" component="div">
            {props.consequence}
          </Text>
          {props.children}
          {error !== undefined && <Failure error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button
              type="submit"
              color={props.danger ? "red.9" : undefined}
              loading={busy}
              disabled={props.disabled}
              data-autofocus
            >
              {props.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

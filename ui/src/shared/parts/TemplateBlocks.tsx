import { Stack } from "@mantine/core";
import type { Template } from "../api/types";
import { TextBlock } from "./TextBlock";

/** The text of a prompt, or its messages one below the other. */
export function TemplateBlocks({ template, label }: { template: Template; label?: string }) {
  if (!template.messages?.length)
    return <TextBlock text={template.text ?? ""} {...(label ? { label } : {})} />;
  return (
    <Stack gap="sm">
      {template.messages.map((message, position) => (
        <TextBlock key={position} label={message.role ?? "?"} text={message.content ?? ""} />
      ))}
    </Stack>
  );
}

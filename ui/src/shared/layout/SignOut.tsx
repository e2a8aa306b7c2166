import { ActionIcon, Tooltip } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { messageOf } from "../api/errors";
import { signOut } from "../api/session";

export function SignOut() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = async () => {
    try {
      await signOut();
      await navigate({ to: "/signin" });
      queries.clear();
    } catch (error) {
      const { notifications } = await import("@mantine/notifications");
      notifications.show({ color: "red", title: "Still signed in", message: messageOf(error) });
    }
  };
  return (
    <Tooltip label="Sign out">
      <ActionIcon variant="subtle" color="gray" aria-label="Sign out" onClick={() => void leave()}>
        <IconLogout size={18} />
      </ActionIcon>
    </Tooltip>
  );
}

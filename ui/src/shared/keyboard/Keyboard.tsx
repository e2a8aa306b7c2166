import { ActionIcon, Tooltip } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { isForPage } from "./keys";
import classes from "./Keyboard.module.css";

const KeyboardHelp = lazy(() => import("./KeyboardHelp"));
const SECOND_KEY_MS = 1_500;

/** The keys that work everywhere, and the button that lists all of them. */
export function Keyboard() {
  const [opened, setOpened] = useState(false);
  const navigate = useNavigate();
  useEffect(() => {
    let pressed = -Infinity; // when g was
    const listen = (event: KeyboardEvent) => {
      if (!isForPage(event)) return;
      const second = event.timeStamp - pressed < SECOND_KEY_MS;
      pressed = event.key === "g" ? event.timeStamp : -Infinity;
      if (event.key === "?") setOpened(true);
      else if (second && event.key === "j") void navigate({ to: "/" });
      else if (second && event.key === "n") void navigate({ to: "/new" });
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("keydown", listen, { capture: true }); // g j is not the list's j
    return () => removeEventListener("keydown", listen, { capture: true });
  }, [navigate]);
  return (
    <>
      <Tooltip label="Keys ( ? )">
        <ActionIcon
          variant="subtle"
          color="gray"
          className={classes.button}
          aria-label="Keys"
          onClick={() => setOpened(true)}
        >
          <IconKeyboard size={18} />
        </ActionIcon>
      </Tooltip>
      {opened && (
        <Suspense>
          <KeyboardHelp onClose={() => setOpened(false)} />
        </Suspense>
      )}
    </>
  );
}

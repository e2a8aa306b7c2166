import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";

const ShortcutHelp = lazy(() =>
  import("./ShortcutHelp").then(({ ShortcutHelp }) => ({ default: ShortcutHelp })),
);
const PAGES: Record<string, "/" | "/new"> = { j: "/", n: "/new" };
const SECOND_KEY_MS = 1_000;

/** Keys that hold on every page: g and a letter goes somewhere, ? says which keys there are. */
export function Shortcuts() {
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  const wentAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const page = event.timeStamp - wentAt.current < SECOND_KEY_MS ? PAGES[event.key] : undefined;
      wentAt.current = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
      if (page) {
        event.preventDefault();
        event.stopPropagation(); // j alone means something else on a page
        void navigate({ to: page });
      } else if (event.key === "?") setOpened(true);
    };
    addEventListener("keydown", listen, { capture: true });
    return () => removeEventListener("keydown", listen, { capture: true });
  }, [navigate]);
  if (!opened) return null;
  return (
    <Suspense>
      <ShortcutHelp onClose={() => setOpened(false)} />
    </Suspense>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

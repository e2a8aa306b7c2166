import "./mantine.css";
import "@mantine/notifications/styles.css";
import "./index.css";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { lazy, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { newQueryClient } from "./shared/api/query-client";
import { nonce } from "./shared/api/server";
import { newRouter } from "./router";
import { theme, variables } from "./theme";

if (nonce) setNonce(nonce);

/** Nobody has done anything yet that it could tell of. */
const Notices = lazy(async () => {
  await new Promise((resolve) => setTimeout(resolve, NOTICES_AFTER_MS));
  return { default: (await import("@mantine/notifications")).Notifications };
});
const NOTICES_AFTER_MS = 1_500;

const queries = newQueryClient();
const router = newRouter(queries);
const colorScheme = localStorageColorSchemeManager({ key: "burnish-color-scheme" });

const element = document.getElementById("root");
if (!element) throw new Error("the document has no #root");
createRoot(element).render(
  <MantineProvider
    theme={theme}
    cssVariablesResolver={variables}
    colorSchemeManager={colorScheme}
    defaultColorScheme="auto"
    getStyleNonce={() => nonce ?? ""}
  >
    <QueryClientProvider client={queries}>
      <Suspense>
        <Notices position="bottom-right" />
      </Suspense>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>,
);

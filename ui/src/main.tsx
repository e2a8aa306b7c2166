import "./mantine.css";
import "@mantine/notifications/styles.css";
import "./index.css";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { newQueryClient } from "./shared/api/query-client";
import { nonce } from "./shared/api/server";
import { newRouter } from "./router";
import { theme, variables } from "./theme";

if (nonce) setNonce(nonce);

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
      <Notifications position="bottom-right" />
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>,
);

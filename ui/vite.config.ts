import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.BURNISH_URL ?? "http://127.0.0.1:5000";

/** What no page draws first, but several draw later: dialogs, notices, differences between texts. */
const later =
  /@mantine.(notifications|core.*components.(Modal|ModalBase|Select|SegmentedControl|FloatingIndicator|Notification)\b)|react-remove-scroll|react-transition-group|node_modules.diff\b|shared.(diff|parts.Confirm)|job.actions.(dialogs|Register|Alias)/;

/**
 * Styles behind the first words, which are drawn without them, and before the root, where Mantine writes
 * over some. Scripts wait for them all the same, and come after them: nothing of the first paint needs one.
 */
const stylesLast: Plugin = {
  name: "styles-last",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html) => {
      const links = html.match(/ *<link rel="stylesheet"[^>]*>\n/g) ?? [];
      return links
        .reduce((left, link) => left.replace(link, ""), html)
        .replace('<script type="module"', '<script type="module" fetchpriority="low"')
        .replace('    <div id="root">', `${links.join("")}    <div id="root">`);
    },
  },
};

export default defineConfig({
  base: "./", // whatever path the server or a proxy puts in front
  plugins: [react(), stylesLast],
  build: {
    outDir: "../src/burnish/ui_dist",
    emptyOutDir: true,
    cssCodeSplit: false, // 23 kB for all pages, asked for once
    manifest: true, // build.py reads off it what each page loads first
    target: "es2022",
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // Few files: over HTTP/1.1 each of thirty small ones waits for its turn.
        codeSplitting: {
          groups: [
            { name: "first", tags: ["$initial"], priority: 3 },
            { name: "shared", test: (id) => !later.test(id), minShareCount: 2, priority: 2 },
            { name: "later", minShareCount: 2 }, // behind it: a group takes along what it imports
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/ajax-api", "/burnish/session"].map((path) => [path, { target: server }]),
    ),
  },
  test: {
    // What is tested here computes. What is drawn is tested in a browser: tests/ui.
    environment: "node",
    isolate: false,
    include: ["src/**/*.test.ts"],
    restoreMocks: true,
  },
});

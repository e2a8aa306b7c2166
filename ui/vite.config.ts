import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.BURNISH_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  base: "./", // whatever path the server or a proxy puts in front
  plugins: [react()],
  build: {
    outDir: "../src/burnish/ui_dist",
    emptyOutDir: true,
    manifest: true, // build.py reads off it what each page loads first
    target: "es2022",
    chunkSizeWarningLimit: 900,
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

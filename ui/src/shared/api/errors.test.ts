import { expect, it } from "vitest";
import { isOutdated } from "./errors";

it.each([
  "Failed to fetch dynamically imported module: http://127.0.0.1/burnish/assets/chart-1.js",
  "error loading dynamically imported module: http://127.0.0.1/burnish/assets/chart-1.js",
  "Importing a module script failed.",
  "Unable to preload CSS for /burnish/assets/chart-1.css",
])("a part that is gone is known in every browser's words: %s", (message) => {
  expect(isOutdated(new TypeError(message))).toBe(true);
});

it("other failures are none of that", () => {
  expect(isOutdated(new Error("The server does not answer."))).toBe(false);
});

import { expect, it } from "vitest";
import { visible } from "./visible";

it("shows what hides, reorders or breaks", () => {
  expect(visible("a\u0000b\u202Ec\u007f\ud800")).toBe("a␀b⟨RLO⟩c␡\ufffd");
});

it("leaves lines, tabs and other scripts alone", () => {
  expect(visible("a\tb\r\nשלום 👋🏽")).toBe("a\tb\nשלום 👋🏽");
});

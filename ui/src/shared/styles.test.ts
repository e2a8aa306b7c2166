import { existsSync, globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const source = new URL("..", import.meta.url);
const mantine = new URL("../node_modules/@mantine/core/styles/", source);

it("has the styles of every part of Mantine that is used", () => {
  const styles = readFileSync(new URL("mantine.css", source), "utf8");
  const used = globSync("**/*.tsx", { cwd: source }).flatMap((file) => {
    const text = readFileSync(new URL(file, source), "utf8");
    const named = /import \{([^}]*)\} from "@mantine\/core"/.exec(text)?.[1] ?? "";
    return named.split(",").map((name) => name.trim());
  });
  const styled = [...new Set(used)].filter((name) => name && existsSync(new URL(`${name}.css`, mantine)));
  expect(styled.length).toBeGreaterThan(20);
  expect(styled.filter((name) => !styles.includes(`/${name}.css`))).toEqual([]);
});

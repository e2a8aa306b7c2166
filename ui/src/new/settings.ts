/** One setting of an optimizer, as its JSON schema says it. */
export interface SettingField {
  name: string;
  kind: "integer" | "number" | "boolean" | "choice" | "text" | "json";
  description: string;
  choices: string[];
  default: unknown;
  minimum?: number;
  maximum?: number;
  required: boolean;
}

interface Schema {
  type?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

/** Fields that the form has elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set(["reflection_model"]);

/** What must be said first, then those of this optimizer alone, then those that all have; by name. */
export function fieldsOf(schema: unknown, common: ReadonlySet<string>): SettingField[] {
  const { properties = {}, required = [] } = (schema ?? {}) as Schema;
  const rank = ({ name, required }: SettingField) => (required ? 0 : common.has(name) ? 2 : 1);
  return Object.entries(properties)
    .filter(([name]) => !ELSEWHERE.has(name))
    .map(([name, property]) => fieldOf(name, property, required.includes(name)))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/** Settings that every one of the optimizers has. */
export function commonNames(schemas: readonly unknown[]): ReadonlySet<string> {
  const [first, ...others] = schemas.map(
    (schema) => new Set(Object.keys((schema as Schema).properties ?? {})),
  );
  return new Set([...(first ?? [])].filter((name) => others.every((names) => names.has(name))));
}

function fieldOf(name: string, property: Schema, required: boolean): SettingField {
  const said = property.anyOf?.find((entry) => entry.type !== "null") ?? property;
  const choices = said.enum?.map(String) ?? [];
  return {
    name,
    kind: choices.length ? "choice" : kindOf(said.type),
    description: property.description ?? "",
    choices,
    default: property.default ?? undefined,
    minimum: said.minimum,
    maximum: said.maximum,
    required,
  };
}

function kindOf(type: string | undefined): SettingField["kind"] {
  switch (type) {
    case "integer":
    case "number":
    case "boolean":
      return type;
    case "string":
      return "text";
    default:
      return "json";
  }
}

/** "max_demonstrations" → "Max demonstrations". */
export function labelOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the server has written into the document's head about itself. */
export interface ServerFacts {
  version: string;
  /** Whether it asks for tokens, so that there is something to sign out of. */
  signIn: boolean;
  /** Where MLflow's own pages are, relative to the base; null where they are nowhere. */
  mlflow: string | null;
}

function readFacts(): ServerFacts {
  const content = document.querySelector<HTMLMetaElement>('meta[name="burnish"]')?.content;
  return content
    ? (JSON.parse(content) as ServerFacts)
    : { version: "development", signIn: false, mlflow: "../" };
}

export const facts = readFacts();

/** The page's own base, such as https://host/prefix/burnish/. It ends in a slash. */
export const base = new URL(document.querySelector("base")?.href ?? "/burnish/", location.origin);

/** The server's root, which the API's paths stand behind; without a slash at its end. */
export const root = new URL("..", base).href.replace(/\/$/, "");

export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce ?? undefined;

/** A page of MLflow's, or null where there is none to link to. */
export function mlflowLink(path: string): string | null {
  return facts.mlflow === null ? null : `${new URL(facts.mlflow, base).href}#/${path}`;
}

/** MLflow's page of one trace. Its versions differ in what they call it in their address. */
export function traceLink(experimentId: string, traceId: string): string | null {
  const query = new URLSearchParams({ selectedEvaluationId: traceId, traceId });
  return mlflowLink(`experiments/${experimentId}/traces?${query.toString()}`);
}

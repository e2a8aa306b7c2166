/** A key that makes one job of a request, however often it arrives. */
export function newKey(): string {
  // Not randomUUID, which browsers have on HTTPS and localhost only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** A form for a new job. */
export function NewPage() {
  return null;
}

/** Two to six jobs side by side. */
export function ComparePage() {
  return null;
}

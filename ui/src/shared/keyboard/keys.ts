const TEXT_FIELDS =
  'input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable="true"]';

/** Whether a key belongs to the page: it goes to no field, no dialog, and is no command of the browser's. */
export function isForPage(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  const target = event.target instanceof Element ? event.target : null;
  return !target?.closest(TEXT_FIELDS) && !document.querySelector('[aria-modal="true"]');
}

/** The keys of each page, as the help lists them. */
export const HELP: readonly { where: string; keys: readonly [keys: string, what: string][] }[] = [
  {
    where: "Everywhere",
    keys: [
      ["?", "This list"],
      ["g j", "To the jobs"],
      ["g n", "To a new job"],
    ],
  },
  {
    where: "Jobs",
    keys: [
      ["/", "Search"],
      ["j k", "Next and previous row"],
      ["enter", "Open the row"],
      ["x", "Select the row"],
    ],
  },
  {
    where: "Candidates of a job",
    keys: [
      ["j k", "Next and previous candidate"],
      ["home end", "First and last candidate"],
    ],
  },
];

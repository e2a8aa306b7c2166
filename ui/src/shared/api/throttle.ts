export interface Throttled {
  (): void;
  cancel: () => void;
}

/** Calls at once, and then at most once in so many milliseconds; the last call is never lost. */
export function throttle(action: () => void, everyMs: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const run = () => {
    timer = setTimeout(() => {
      timer = undefined;
      if (again) {
        again = false;
        run();
      }
    }, everyMs);
    action();
  };
  const throttled = () => {
    if (timer === undefined) run();
    else again = true;
  };
  return Object.assign(throttled, {
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
      again = false;
    },
  });
}

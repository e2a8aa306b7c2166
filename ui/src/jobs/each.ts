import { ApiError, messageOf } from "../shared/api/errors";

const AT_ONCE = 4;

/** Do something with each of many, a few at once. One that is gone already counts as done. */
export async function doEach(
  ids: readonly string[],
  action: (id: string) => Promise<unknown>,
): Promise<void> {
  const waiting = [...ids];
  const failures: string[] = [];
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await action(id);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) failures.push(`${id}: ${messageOf(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failures.length) {
    throw new Error(
      `${failures.length} of ${ids.length} could not be done. ${failures.slice(0, 3).join(" · ")}`,
    );
  }
}

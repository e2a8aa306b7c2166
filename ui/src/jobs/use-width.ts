import { useLayoutEffect, useState, type RefObject } from "react";

/** Pixels that an element is wide: known before its first paint, so that nothing moves behind it. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measured = element.current;
    if (!measured) return;
    const measure = () => setWidth(measured.clientWidth);
    measure();
    const resizes = new ResizeObserver(measure);
    resizes.observe(measured);
    return () => resizes.disconnect();
  }, [element]);
  return width;
}

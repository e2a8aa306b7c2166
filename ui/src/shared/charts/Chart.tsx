import { Skeleton } from "@mantine/core";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import type { ChartColors } from "./colors";
import type { Option } from "./echarts";

const Canvas = lazy(() => import("./Canvas"));
const NEAR = "150px";

export interface ChartProps {
  /** Given the colors of the day; pure. */
  option: (colors: ChartColors) => Option;
  height: number | string;
  /** What the chart shows, for who cannot see it. */
  label: string;
  onClick?: (event: { seriesName?: string; data: unknown }) => void;
}

/** A chart. What draws it is large, and is loaded when the first comes into view. */
export function Chart({ option, height, label, onClick }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!place.current) return;
    const watch = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      { rootMargin: NEAR },
    );
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return (
    <div ref={place} role="img" aria-label={label} style={{ height, width: "100%" }}>
      {seen && (
        <Suspense fallback={<Skeleton h="100%" />}>
          <Canvas option={option} {...(onClick ? { onClick } : {})} />
        </Suspense>
      )}
    </div>
  );
}

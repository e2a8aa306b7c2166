import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { echarts, type ECharts, type Option } from "./echarts";
import { readColors, type ChartColors } from "./colors";

export interface ChartProps {
  /** Given the colors of the day; pure. */
  option: (colors: ChartColors) => Option;
  height: number | string;
  /** What the chart shows, for who cannot see it. */
  label: string;
  onClick?: (event: { seriesName?: string; data: unknown }) => void;
}

/** A chart on a canvas, in the page's colors, as wide as its place. */
export function Chart({ option, height, label, onClick }: ChartProps) {
  const scheme = useComputedColorScheme("light");
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = echarts.init(element, null, { renderer: "canvas" });
    chart.current = made;
    const resizes = new ResizeObserver(() => made.resize());
    resizes.observe(element);
    return () => {
      resizes.disconnect();
      made.dispose();
      chart.current = undefined;
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption(option(readColors()), {
      notMerge: false,
      replaceMerge: ["series"],
      lazyUpdate: true,
    });
  }, [option, scheme]);

  useEffect(() => {
    const made = chart.current;
    if (!made || !onClick) return;
    const listen = (event: unknown) => onClick(event as { seriesName?: string; data: unknown });
    made.on("click", listen);
    return () => {
      made.off("click", listen);
    };
  }, [onClick]);

  return <div ref={place} role="img" aria-label={label} style={{ height, width: "100%" }} />;
}

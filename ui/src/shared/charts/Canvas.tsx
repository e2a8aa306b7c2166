import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { echarts, type ECharts } from "./echarts";
import type { ChartProps } from "./Chart";
import { readColors } from "./colors";

/** The canvas of a chart, in the page's colors, as large as its place. */
export default function Canvas({ option, onClick }: Pick<ChartProps, "option" | "onClick">) {
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

  return <div ref={place} style={{ height: "100%", width: "100%" }} />;
}

// Only what is drawn: each module adds to what a browser loads.
import { EffectScatterChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  DataZoomSliderComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  CanvasRenderer,
  DataZoomSliderComponent,
  EffectScatterChart,
  GridComponent,
  HeatmapChart,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  ScatterChart,
  TooltipComponent,
  VisualMapComponent,
]);

export { echarts };
export type ECharts = echarts.ECharts;
export type Option = echarts.EChartsCoreOption;

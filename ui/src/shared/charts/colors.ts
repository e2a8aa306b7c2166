/** The page's colors as a canvas needs them: it knows no CSS variables. */
export interface ChartColors {
  ink: string;
  muted: string;
  line: string;
  card: string;
  good: string;
  bad: string;
  live: string;
  warn: string;
  accent: string;
}

export function readColors(): ChartColors {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: read("ink"),
    muted: read("muted"),
    line: read("line"),
    card: read("card"),
    good: read("good"),
    bad: read("bad"),
    live: read("live"),
    warn: read("warn"),
    accent: read("accent"),
  };
}

/** For lines that have no meaning of their own, distinct in light and dark. */
export const SERIES = [
  "#3f7fd6",
  "#c4662a",
  "#3a9d6e",
  "#a154b8",
  "#b8901f",
  "#d0527a",
  "#4aa3b0",
  "#7d7d8c",
];

/** What all our charts have in common. Tips are drawn on the canvas: text, never HTML. */
export function commonOption(colors: ChartColors) {
  return {
    animationDuration: 250,
    animationDurationUpdate: 350,
    textStyle: { fontFamily: "system-ui, sans-serif" },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: colors.card,
      borderColor: colors.line,
      borderWidth: 1,
      padding: [8, 10],
      textStyle: { color: colors.ink, fontSize: 12, lineHeight: 18 },
    },
  };
}

export function axisOption(colors: ChartColors) {
  return {
    axisLine: { lineStyle: { color: colors.line } },
    axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 11 },
    nameTextStyle: { color: colors.muted, fontSize: 11 },
    splitLine: { lineStyle: { color: colors.line, opacity: 0.6 } },
  };
}

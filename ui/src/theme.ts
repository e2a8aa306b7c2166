import { createTheme, rem, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const copper: MantineColorsTuple = [
  "#fdf3ea",
  "#f8e3cf",
  "#f0c69e",
  "#e8a76a",
  "#e18c40",
  "#cf7426",
  "#b45f16",
  "#974c0f",
  "#7c3e0d",
  "#5f2f0a",
];

/** Night, a little warm; Mantine takes 7 for the page, 6 for what lies on it. */
const dark: MantineColorsTuple = [
  "#d6d3d0",
  "#bab6b2",
  "#9d9893",
  "#74706c",
  "#45423f",
  "#393633",
  "#282624",
  "#1c1a19",
  "#161514",
  "#0f0e0e",
];

export const theme = createTheme({
  primaryColor: "copper",
  primaryShade: 6,
  colors: { copper, dark },
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", Menlo, Consolas, monospace',
  components: {
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } }, // a menu holds nothing but items
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
  },
  headings: { fontWeight: "650", sizes: { h1: { fontSize: rem(24) }, h2: { fontSize: rem(18) } } },
});

/** Colors with a meaning. Each is readable on the page and on a card, in light and in dark. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--page": "#f7f5f3",
    "--card": "#ffffff",
    "--line": "#e4dfda",
    "--ink": "#1f1b18",
    "--muted": "#6a625b",
    "--good": "#137a43",
    "--good-soft": "#dcf3e4",
    "--bad": "#c02626",
    "--bad-soft": "#fde4e1",
    "--live": "#1d5fc4",
    "--live-soft": "#dfeafc",
    "--warn": "#8f5a00",
    "--warn-soft": "#fcefcf",
    "--neutral-soft": "#ece8e4",
    "--accent": copper[6],
    "--mantine-color-dimmed": "#6a625b",
    "--mantine-color-anchor": copper[7],
    "--mantine-color-error": "#c02626",
  },
  dark: {
    "--page": "#161514",
    "--card": "#1f1d1c",
    "--line": "#35322f",
    "--ink": "#e9e5e1",
    "--muted": "#a49d96",
    "--good": "#5cc88a",
    "--good-soft": "#143524",
    "--bad": "#ff8a80",
    "--bad-soft": "#421b18",
    "--live": "#7fb0ff",
    "--live-soft": "#172a4a",
    "--warn": "#f0bc5e",
    "--warn-soft": "#3d2c0c",
    "--neutral-soft": "#2e2b29",
    "--accent": copper[4],
    "--mantine-color-dimmed": "#a49d96",
    "--mantine-color-error": "#ff8a80",
  },
});

// Before anything is drawn: the colors that were chosen, so that the page does not flash in the others.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("burnish-color-scheme");
  } catch {
    // A browser that keeps nothing: the system's colors.
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  var scheme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
  document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
})();

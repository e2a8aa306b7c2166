"""Plots as SVG, one for a light page and one for a dark one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Plot

INK = {"light": "#24292f", "dark": "#d0d7de"}
GRID = {"light": "#d8dee4", "dark": "#30363d"}
COLORS = {
    "light": ("#0b6bcb", "#c4320a", "#3f7d20", "#7a3e9d", "#a15c07", "#5c6670"),
    "dark": ("#58a6ff", "#ff7b72", "#7ee787", "#d2a8ff", "#e3b341", "#8b949e"),
}
MARKERS = "osD^vP"


def save(
    path: Path, title: str, draw: Callable[[Axes, str], None], size: tuple[float, float] = (7, 3.6)
) -> None:
    """Draw twice: ``PATH-light.svg`` and ``PATH-dark.svg``, the same bytes for the same figures.

    Args:
        path: without a suffix.
        draw: is given the axes and ``light`` or ``dark``.
        size: inches.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for theme, ink in INK.items():
        settings: dict[Any, Any] = {
            "svg.hashsalt": path.name,
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "axes.prop_cycle": cycler(color=COLORS[theme]),
            "axes.edgecolor": GRID[theme],
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": GRID[theme],
            **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), ink),
        }
        with mpl.rc_context(settings):
            figure = Figure(figsize=size, layout="constrained")
            axes = figure.add_subplot()
            axes.set_title(title, loc="left", fontsize=11)
            axes.grid(axis="y", linewidth=0.7)
            axes.set_axisbelow(True)
            draw(axes, theme)
            file = path.with_name(f"{path.name}-{theme}.svg")
            figure.savefig(file, transparent=True, metadata={"Date": None})


def save_plot(path: Path, plot: Plot) -> None:
    """A benchmark's plot."""

    def draw(axes: Axes, theme: str) -> None:
        if plot.kind == "bars":
            _bars(axes, plot)
        else:
            for (name, points), marker in zip(plot.series.items(), MARKERS * 9, strict=False):
                axes.plot(*zip(*points, strict=True), label=name, marker=marker, markersize=4, linewidth=1.6)
        if "x" in plot.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:,.10g}")
        if "y" in plot.log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:,.10g}")
        axes.set_xlabel(plot.x)
        axes.set_ylabel(plot.y)
        if len(plot.series) > 1:
            axes.legend(frameon=False, fontsize=9)

    save(path, plot.title, draw)


def _bars(axes: Axes, plot: Plot) -> None:
    """Groups of bars; those of a group stand side by side above its name, however many there are."""
    groups = list(dict.fromkeys(str(x) for points in plot.series.values() for x, _ in points))
    heights = {name: {str(x): y for x, y in points} for name, points in plot.series.items()}
    width = 0.8 / len(plot.series)
    for name, of_group in heights.items():
        places = []
        for place, group in enumerate(groups):
            if group in of_group:
                there = [other for other in heights if group in heights[other]]
                places.append(place + (there.index(name) - (len(there) - 1) / 2) * width)
        shown = [of_group[group] for group in groups if group in of_group]
        bars = axes.bar(places, shown, width, label=name)
        axes.bar_label(bars, fmt="{:,.3g}", fontsize=8, padding=2)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.1)  # for the figures above

"""Names are the field's terms: the words of an older glossary do not come back.

What each of them is called today stands in AGENTS.md, or at the class that took its place.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("src", "tests", "bench", "examples", "docs", "ui/src")
PAGES = ("README.md", "AGENTS.md", "CONTRIBUTING.md")
ENDINGS = {".py", ".md", ".proto", ".ts", ".tsx"}
LEFT_OUT = ("docs/decisions/", "node_modules/", "migrations/versions/", "tests/test_words.py")

OLD_WORDS = {
    "broom",
    "campaign",
    "catalogue",
    "champion",
    "choosy",
    "entrant",
    "errand",
    "examiner",
    "heats",
    "leftovers",
    "lottery",
    "pursuit",
    "purse",
    "referee",
    "scrub",
    "starters",
    "telltale",
    "town",
    "uncut",
    "underway",
    "workbench",
    "workshop",
    "zombie",
}
OLD_NAMES = (
    "bring_again",
    "carry_out",
    "is_told",
    "keep_distance",
    "LoadedLater",
    "LookAhead",
    "nothing_left_behind",
    "OldestInFlight",
    "safe_uri",
    "what_is_no",
    "SignOfLife",
)

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # also inside snake_case and CamelCase


def texts() -> list[Path]:
    """Every file that a person writes and reads."""
    found = [ROOT / page for page in PAGES]
    for place in PLACES:
        found += [path for path in (ROOT / place).rglob("*") if path.suffix in ENDINGS]
    return [path for path in found if not any(part in path.as_posix() for part in LEFT_OUT)]


def old_words_in(text: str) -> set[str]:
    """The old words that a text has, alone or as a part of a name."""
    words = {word.lower() for word in _WORD.findall(text)}
    return (words & OLD_WORDS) | {name for name in OLD_NAMES if name in text}


def test_no_old_word_has_come_back() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in texts()
        if (words := old_words_in(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class FrontChampion:", {"champion"}),
        ("def zombie_writes() -> None:", {"zombie"}),
        ("_carry_out(running)", {"carry_out"}),
        ("a championship is underwayed", set()),
    ],
)
def test_a_word_is_found_inside_names_and_not_inside_words(text: str, found: set[str]) -> None:
    assert old_words_in(text) == found

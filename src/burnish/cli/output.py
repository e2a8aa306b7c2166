"""What the command line says: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from burnish.errors import BurnishError, InvalidInput, NotFound

if TYPE_CHECKING:
    from rich.console import Console

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130


UNLIMITED_WIDTH = 1000


@cache
def stdout() -> Console:
    """The console of results. Into a file or a pipe nothing is cut or wrapped to fit a terminal."""
    from rich.console import Console

    fits_a_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, soft_wrap=False, width=None if fits_a_terminal else UNLIMITED_WIDTH)


@cache
def stderr() -> Console:
    """The console of progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say_json(document: Mapping[str, Any]) -> None:
    """The result for programs: exactly one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say_error(error: BurnishError | str) -> None:
    """One line for each problem, naming field, value and remedy; the place in a filter stands below it."""
    problems: Sequence[object] = error.problems if isinstance(error, InvalidInput) else (error,)
    if isinstance(error, NotFound):
        problems = (f"{error}; check the name, and the server or store that is asked",)
    for problem in problems:
        first, *more = str(problem).splitlines() or [""]
        sys.stderr.write("\n".join([f"error: {first}", *more]) + "\n")

"""What the command line says: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from burnish.errors import BurnishError, InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130


@cache
def stdout() -> Console:
    """The console of results."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


@cache
def stderr() -> Console:
    """The console of progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say_json(document: Mapping[str, Any]) -> None:
    """The result for programs: exactly one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say_error(error: BurnishError | str) -> None:
    """One line for each problem, naming field, value and remedy."""
    lines = [str(p) for p in error.problems] if isinstance(error, InvalidInput) else [str(error)]
    for line in lines:
        sys.stderr.write(f"error: {' '.join(line.split())}\n")

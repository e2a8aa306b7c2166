"""What ``burnish doctor`` looks at. Each check looks only: it makes, changes and locks nothing.

May import everything below ``cli``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"  # nothing is broken; somebody may want to know
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: the part that was looked at.
        message: what was found, without secrets.
        remedy: what to do; empty where there is nothing to do.
    """

    check: str
    severity: Severity
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """As it should be."""
    return Finding(check, Severity.OK, message)


def note(check: str, message: str, remedy: str = "") -> Finding:
    """Not broken."""
    return Finding(check, Severity.NOTE, message, remedy)


def problem(check: str, message: str, remedy: str) -> Finding:
    """Something will not work until it is put right."""
    return Finding(check, Severity.PROBLEM, message, remedy)

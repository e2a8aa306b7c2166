"""numeric_match: the last number in the answer is the expected one."""

from __future__ import annotations

import re
import unicodedata
from decimal import Context, Decimal, DivisionByZero, InvalidOperation
from typing import Any

from burnish.domain.dataset import Example
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import Takes, TextScorer, as_text, shown

_NUMERAL = re.compile(
    r"(?<![A-Za-z0-9_])(?<![0-9]\.)"  # not the 2 of H2O, not the 5 of v1.5
    r"(?P<sign>(?<![\w.)])[-+])?"  # but the dash of 3-5 is no sign
    r"(?P<whole>[0-9](?:[0-9,]*[0-9])?)?(?P<rest>(?(whole)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
)
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
_LONGEST = 400  # characters of a numeral; longer runs of digits are noise
_ARITHMETIC = Context(prec=60, traps=[InvalidOperation, DivisionByZero])  # overflow gives infinity


class NumericMatch(TextScorer):
    """1 when the last (or only) number in the answer is within the tolerance of the expected number.

    The argument is the tolerance, absolute, by default 0. Numbers are read in English notation:
    ``-1,234.5``, ``.5``, ``6e3``; currency signs, ``%`` and units around them are ignored.

    Raises:
        InvalidInput: a tolerance that is no number of at least 0.
    """

    takes = Takes.OPTIONAL
    argument_is = "the tolerance"

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        try:
            self._tolerance = Decimal(argument or "0")
        except InvalidOperation:
            self._tolerance = Decimal("NaN")
        if not self._tolerance.is_finite() or self._tolerance < 0:
            raise InvalidInput.of(
                "scorers", f"{name}:{argument}", "the tolerance must be a number of at least 0"
            )

    def refusal(self, example: Example) -> str | None:
        for expected in self.alternatives(example.expected):
            if isinstance(expected, (dict, list)) or _expected_number(expected) is None:
                return f"there is no number in {shown(as_text(expected))}"
        return None

    def compare(self, output: str, expected: Any) -> Feedback:
        wanted, found = _expected_number(expected), last_number(output)
        if found is None:
            return Feedback(False, f"expected {wanted}; no number in {shown(output)}")
        if wanted == found:
            return Feedback(True)
        close = wanted is not None and _ARITHMETIC.abs(_ARITHMETIC.subtract(wanted, found)) <= self._tolerance
        return Feedback(
            close, "" if close else f"expected {wanted}, the last number in the answer is {found}"
        )


def last_number(text: str) -> Decimal | None:
    """The last number written in a text, or ``None``."""
    last = None
    for match in _NUMERAL.finditer(unicodedata.normalize("NFKC", text).replace("−", "-")):
        if len(match.group()) <= _LONGEST:
            last = match
    if last is None:
        return None
    sign, whole, rest = (last.group(part) or "" for part in ("sign", "whole", "rest"))
    if "," in whole and not _GROUPED.fullmatch(whole):  # an enumeration such as 1,2,3
        sign, whole = "", whole.rpartition(",")[2]
    try:
        return Decimal(sign + whole.replace(",", "") + rest)
    except InvalidOperation:  # an exponent beyond all reason
        return None


def _expected_number(expected: Any) -> Decimal | None:
    return None if isinstance(expected, bool) else last_number(as_text(expected))

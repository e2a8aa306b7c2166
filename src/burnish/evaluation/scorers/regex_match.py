"""regex_match: a pattern is found in the answer, in time linear in the answer."""

from __future__ import annotations

from typing import Any

from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback
from burnish.evaluation.scorers.text import Takes, TextScorer, shown


class RegexMatch(TextScorer):
    """1 when the pattern is found anywhere in the answer; ``^`` and ``$`` are the answer's ends.

    Patterns are RE2's (https://github.com/google/re2/wiki/Syntax), which has no backreferences and
    no look-around, and therefore no pattern that takes for ever.

    Raises:
        InvalidInput: the pattern is not one RE2 can compile.
    """

    takes = Takes.REQUIRED
    argument_is = "the pattern"
    requires = frozenset()

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name, argument)
        try:
            self._pattern = compile_pattern(argument or "")
        except ValueError as error:
            raise InvalidInput.of(
                "scorers", f"{name}:{argument}", f"not a pattern RE2 accepts ({error})"
            ) from None

    def compare(self, output: str, expected: Any) -> Feedback:
        if self._pattern.search(encoded(output)):
            return Feedback(True)
        return Feedback(False, f"the pattern {shown(self.argument or '')} is not found in {shown(output)}")


def compile_pattern(pattern: str) -> Any:
    """A pattern of RE2's, to search in :func:`encoded` texts.

    Raises:
        ValueError: RE2's reason.
    """
    import re2

    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error
    try:
        return re2.compile(encoded(pattern), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason) from None


def encoded(text: str) -> bytes:
    """A text for RE2; models emit lone surrogates now and then."""
    return text.encode("utf-8", "replace")

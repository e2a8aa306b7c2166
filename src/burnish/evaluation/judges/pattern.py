"""MLflow's ``RegexMatch``, in time linear in the answer."""

from __future__ import annotations

from typing import Any

from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.evaluation.scorers.regex_match import compile_pattern, encoded
from burnish.evaluation.scorers.text import shown


class PatternMatch(Scorer):
    """1 when the pattern of a registered ``RegexMatch`` is found in the answer, or is all of it.

    Python's own regular expressions, which MLflow would use, can take for ever and hold up every other job
    of the process meanwhile; the pattern is RE2's, which has no backreferences and no look-around.

    Raises:
        InvalidInput: the pattern is not one RE2 can compile.
    """

    def __init__(self, name: str, judge: Any) -> None:
        super().__init__(name)
        pattern = f"(?i:{judge.pattern})" if judge.case_insensitive else judge.pattern
        if judge.match_type == "fullmatch":
            pattern = rf"\A(?:{pattern})\z"
        try:
            self._pattern = compile_pattern(pattern)
        except ValueError as error:
            raise InvalidInput.of("scorers", name, f"not a pattern RE2 accepts ({error})") from None
        self._shown = shown(judge.pattern)

    async def score(self, sample: Sample) -> Feedback:
        if self._pattern.search(encoded(sample.output)):
            return Feedback(True)
        return Feedback(False, f"the pattern {self._shown} does not match {shown(sample.output)}")

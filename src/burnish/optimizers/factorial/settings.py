"""Settings of FACTORIAL."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from burnish.optimizers.settings import CommonSettings


class FactorialSettings(CommonSettings):
    """
    Attributes:
        minimum_gain: the search ends when the expected gain of its next hundred calls, in the mean score,
            is below this; 0 goes on to the end of the budget.
        search_calls: the most a search makes where the job's budget names no number of calls.
        round_size: evaluations of one round; left out: half of the job's concurrency, 4 to 16, since two
            rounds are in flight.
        proposals: questions to the reflection model in each round, while there is room for new edits.
        edits_per_proposal: edits asked for in one question, at most.
        failures_shown: failing examples in one question.
        failure_tries: questions in which one failing example is shown, before all others have been as often.
        edits_in_doubt: no new edits while more than so many are undecided.
        give_up_below: an edit with a smaller chance of doing good is given up.
        settled_above: one with a greater chance counts as decided.
        templates: whether to try ready-made instructions, formats and layouts; left out: all of them
            without a reflection model, formats alone with one.
        rewordings: whole rewordings of the source that the reflection model is asked for, at most.
        max_demonstrations: worked examples in a prompt, at most; 0 for none.
        pass_score: the aggregate from which an answer may be shown as a worked example.
        rewrite: whether the winner is written out once more as one text, where the budget has room for it;
            it is taken only if it does at least as well.
        guidelines: the user's own words for the reflection model.
        feedback_tokens: length of what one question shows, tokens.
    """

    minimum_gain: float = Field(default=0.002, ge=0, lt=1)
    search_calls: int = Field(default=1500, ge=50)
    round_size: int | None = Field(default=None, ge=1)
    proposals: int = Field(default=2, ge=1)
    edits_per_proposal: int = Field(default=2, ge=1)
    failures_shown: int = Field(default=3, ge=1)
    failure_tries: int = Field(default=3, ge=1)
    edits_in_doubt: int = Field(default=12, ge=1)
    give_up_below: float = Field(default=0.1, ge=0, lt=0.5)
    settled_above: float = Field(default=0.9, gt=0.5, le=1)
    templates: bool | None = None
    rewordings: int = Field(default=4, ge=0)
    max_demonstrations: int = Field(default=4, ge=0)
    pass_score: float = Field(default=1.0, gt=0, le=1)
    rewrite: bool = True
    guidelines: str | None = None
    feedback_tokens: int = Field(default=3000, ge=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Parts of the method that a benchmark can leave out, to see what each is worth.

    Attributes:
        factorial: every call tests a set of edits; else one edit at a time.
        example_effects: hard examples are told from bad prompts.
        in_sample: the gain on an edit's own failures is told from its gain at large.
        screen: an edit must repair a failure it was written from.
        memory: the reflection model is told what is under test and what was given up.
        shrinkage: the winner's validation score is shrunk towards the prediction; else it counts as it is.
        interactions: pairs that do not add up become effects of their own.
    """

    factorial: bool = True
    example_effects: bool = True
    in_sample: bool = True
    screen: bool = True
    memory: bool = True
    shrinkage: bool = True
    interactions: bool = True

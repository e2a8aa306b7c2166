"""How the reflection model is asked for better texts, and how candidates are made of its answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.domain.jinja import KEEP_CODE
from burnish.domain.prompt import Message, variables_of
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion
from burnish.optimizers.gepa.proposals import ProposalSpec
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.delimiters import Delimiters, UnusableAnswer, ask_again
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.protocol import Reflect, Task
from burnish.optimizers.search.buffered_observer import BufferedObserver, Observation
from burnish.optimizers.search.feedback import feedback
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings

FEEDBACK_TOKENS = 8000
"""Of one question; the longest entries are cut first."""

IMPROVE = """\
You improve prompts for language models. Here is <what> as it is now:

<shown>
<context>
This is how the model answered some inputs with it, and what was thought of the answers:

<side_info>

Write a better version of this text.
- Work out from the inputs and the feedback what the task really is, and say it clearly and completely.
- Add the facts, rules and conventions that the feedback reveals and the model cannot know by itself.
- Say how the answer must look (length, format, exact words) where answers failed for that.
- Keep what already works. State what holds for any input; do not copy these inputs or their answers.
<rules>"""

COMBINE = """\
Two people have improved <what> for a language model, each without knowing of the other.

The newer version:

<shown>

Another version, made from an older one; on some inputs it does better than the newer one:

<other>

Write one version that has what both have: take the newer one and work into it what the other one says
beyond it. Leave nothing out that either of them teaches.
<rules>"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for one component, and how the answer is read."""

    messages: tuple[Message, ...]
    format: ProposalFormat
    or_fenced: bool = False

    def again(self, answer: Completion, reasons: Sequence[str]) -> Question:
        """The same once more, with what was wrong with the first answer."""
        messages = ask_again(self.messages, answer, reasons, self.format.delimiters)
        return Question(messages, self.format, self.or_fenced)


Questions = Mapping[int, Question]
"""By component number."""


@dataclass(slots=True)
class ReflectionResult:
    """What a reflection came to.

    Attributes:
        child: ``None`` when it was refused, or could not be read.
        is_new: no equal child was made before.
        observations: to be replayed when the proposal is committed.
        reflections: questions asked.
    """

    child: Candidate | None = None
    is_new: bool = False
    observations: list[Observation] = field(default_factory=list)
    reflections: int = 0


class ReflectiveProposer:
    """Makes children.

    Children of a first reflection and those rebased onto a newer parent pass validators of their own:
    each validator looks back on what it has seen, so what passes it must come in launch order, and
    the two kinds do not come in one order.

    Args:
        template: of the question, instead of ours.
    """

    def __init__(
        self,
        task: Task,
        settings: CommonSettings,
        components: Components,
        reflect: Reflect,
        template: str | None = None,
    ) -> None:
        self._components = components
        self._reflect = reflect
        self._template = template
        self._buffer = BufferedObserver()
        self._validator = ProposalValidator(task, settings, self._buffer)
        self._validator_of_rebased = ProposalValidator(task, settings, self._buffer)

    async def improve(
        self, spec: ProposalSpec, before: Means, my_turn: Callable[[], Awaitable[object]]
    ) -> ReflectionResult:
        """Ask for a better parent; once more, with the reason, where the answer cannot be used.

        Args:
            before: the parent on the minibatch.
            my_turn: returns when every older proposal has been checked.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        results = {
            prompt: feedback(before.evaluations, spec.minibatch, FEEDBACK_TOKENS, prompt)
            for prompt in {self._components[number].prompt for number in spec.components}
        }
        questions: Questions = {
            number: ask_to_improve(
                self._components,
                spec.parent,
                number,
                results[self._components[number].prompt],
                self._template,
            )
            for number in spec.components
        }
        names = ", ".join(self._components[number].name for number in spec.components)
        child = Candidate(
            spec.parent.texts,
            parents=(spec.parent.candidate_id,),
            origin=f"reflection {spec.number + 1} on {names}",
        )
        result = ReflectionResult()
        answers = await self._ask(questions, spec.sample, result)
        await my_turn()
        reasons = self._validate(self._validator, child, questions, answers, result, spec.known)
        if reasons:
            questions = {
                number: question.again(answers[number], reasons) for number, question in questions.items()
            }
            answers = await self._ask(questions, spec.sample, result)
            self._validate(self._validator, child, questions, answers, result, spec.known, is_last=True)
        return result

    async def rebase(self, spec: ProposalSpec, child: Candidate, newer: Candidate) -> ReflectionResult:
        """Make the change of a child once more, on top of a newer candidate than its parent.

        Where only one of them has changed a component, it is taken over; where both have, and not to
        the same text, the reflection model is asked to combine them.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        old, new, mine = (self._components.texts(c) for c in (spec.parent, newer, child))
        contested = [n for n in spec.components if old[n] != new[n] != mine[n] != old[n]]
        questions: Questions = {
            number: ask_to_combine(self._components, newer, child, number) for number in contested
        }
        result = ReflectionResult()
        answers = await self._ask(questions, spec.sample, result)
        taken = {number: mine[number] for number in spec.components if new[number] == old[number]}
        rebased = Candidate(
            self._components.templates(newer, taken),
            parents=(newer.candidate_id, child.candidate_id),
            origin=f"reflection {spec.number + 1}, rebased",
        )
        self._validate(self._validator_of_rebased, rebased, questions, answers, result, is_last=True)
        return result

    async def _ask(
        self, questions: Questions, sample: int, result: ReflectionResult
    ) -> dict[int, Completion]:
        result.reflections += len(questions)
        asked = (self._reflect(question.messages, sample=sample) for question in questions.values())
        return dict(zip(questions, await gather_in_order(asked), strict=True))

    def _validate(
        self,
        validator: ProposalValidator,
        base: Candidate,
        questions: Questions,
        answers: Mapping[int, Completion],
        result: ReflectionResult,
        known: frozenset[str] | None = None,
        is_last: bool = False,
    ) -> Sequence[str]:
        """Read the answers and check what they make of ``base``; the reasons why it cannot be used.

        A text that lost on another minibatch may come again (``known`` does not hold it): three examples
        may say nothing of it, or the wrong thing by bad luck.
        """
        texts: dict[int, str] = {}
        reasons: list[str] = []
        for number, question in questions.items():
            try:
                texts |= question.format.read(answers[number], question.or_fenced)
            except UnusableAnswer as unusable:
                reasons.append(unusable.reason)
        if reasons:
            if is_last:
                said = f"{base.origin} was given up: {'; '.join(reasons)}"
                result.observations.append(Observation(said))
            return reasons
        proposal = Candidate(self._components.templates(base, texts), base.parents, base.origin)
        validated = validator.validate(proposal, known=known)
        result.child, result.is_new = validated.candidate, validated.is_new and not validated.reasons
        result.observations += self._buffer.take()
        return validated.reasons


def ask_to_improve(
    components: Components, candidate: Candidate, number: int, results: str, template: str | None = None
) -> Question:
    """Ask for a better text of one component.

    Args:
        number: the component's.
        results: what the candidate did on some examples, in words.
        template: instead of ours. ``<curr_param>`` and ``<side_info>`` are filled in, and the rules
            on placeholders and on the form of the answer are added behind it.
    """
    form = ProposalFormat(components, candidate, [number], beside=(results, template or ""))
    text = components.texts(candidate)[number]
    context = form.context()
    rules = _rules(text, form.delimiters, components.is_jinja(number))
    if template is not None:
        asked = _filled(template, curr_param=text, side_info=results)
        return Question((Message("user", f"{asked}\n\n{rules}"),), form, or_fenced=True)
    asked = _filled(
        IMPROVE,
        what=components.describe(components[number]),
        shown=form.shown(),
        context=f"\nIt is used together with this, which stays as it is:\n\n{context}\n" if context else "",
        side_info=results,
        rules=rules,
    )
    return Question((Message("user", asked),), form)


def ask_to_combine(components: Components, newer: Candidate, other: Candidate, number: int) -> Question:
    """Ask for one text of a component that has what two candidates have."""
    other_text = components.texts(other)[number]
    form = ProposalFormat(components, newer, [number], beside=(other_text,))
    text = components.texts(newer)[number]
    asked = _filled(
        COMBINE,
        what=components.describe(components[number]),
        shown=form.shown(),
        other=Delimiters.avoiding("other", other_text).wrap(other_text),
        rules=_rules(text, form.delimiters, components.is_jinja(number)),
    )
    return Question((Message("user", asked),), form)


def _filled(wording: str, **values: str) -> str:
    """The wording with its marks filled in; in one pass, so that a mark inside a value stays as it is."""
    return re.sub(rf"<({'|'.join(values)})>", lambda mark: values[mark.group(1)], wording)


def _rules(text: str, delimiters: Delimiters, jinja: bool) -> str:
    names = [f"{{{{{name}}}}}" for name in sorted(variables_of(text))]
    placeholders = "- It holds no {{placeholders}}; add none."
    if names:
        placeholders = (
            "- Each input is filled in where these placeholders stand. "
            f"Keep every one exactly as written, and add no other: {', '.join(names)}"
        )
    if jinja:
        placeholders = f"- {KEEP_CODE}"
    tag = delimiters.tag
    return f"{placeholders}\n\nGive the complete new text, and nothing else, between <{tag}> and </{tag}>."

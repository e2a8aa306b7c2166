"""How the reflection model is asked for better texts, and how candidates are made of its answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, variables_of
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.components import Components
from burnish.optimizers.gepa.proposals import ProposalSpec
from burnish.optimizers.protocol import Reflect, Task
from burnish.optimizers.search.buffered_observer import BufferedObserver, Observation
from burnish.optimizers.search.feedback import feedback
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings

FEEDBACK_TOKENS = 8000
"""Of one question; the longest entries are cut first."""

Questions = Mapping[int, Sequence[Message]]
"""Component number → what is asked for it."""


@dataclass(slots=True)
class ReflectionResult:
    """A child, or ``None`` when it was refused; what is to be observed; questions asked."""

    child: Candidate | None = None
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
        """Ask for a better parent.

        Args:
            before: the parent on the minibatch.
            my_turn: returns when every older proposal has been checked.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        results = feedback(before.evaluations, spec.minibatch, FEEDBACK_TOKENS)
        questions: Questions = {
            number: ask_to_improve(self._components, spec.parent, number, results, self._template)
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
        reasons = self._validate(self._validator, child, answers, result)
        if reasons:
            questions = {
                number: ask_again(asked, answers[number], reasons) for number, asked in questions.items()
            }
            answers = await self._ask(questions, spec.sample, result)
            self._validate(self._validator, child, answers, result)
        return result

    async def rebase(self, spec: ProposalSpec, child: Candidate, newer: Candidate) -> ReflectionResult:
        """Make the change of a child once more, on top of a newer candidate than its parent.

        Where only one of them has changed a component, it is taken over; where both have, the
        reflection model is asked to combine them.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        old, new, mine = (self._components.texts(c) for c in (spec.parent, newer, child))
        contested = [n for n in spec.components if new[n] != old[n] and mine[n] != old[n]]
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
        self._validate(self._validator_of_rebased, rebased, answers, result)
        return result

    async def _ask(self, questions: Questions, sample: int, result: ReflectionResult) -> dict[int, str]:
        result.reflections += len(questions)
        answers = await gather_in_order(self._answer(messages, sample) for messages in questions.values())
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, messages: Sequence[Message], sample: int) -> str:
        return await self._reflect(messages, sample=sample)

    def _validate(
        self,
        validator: ProposalValidator,
        base: Candidate,
        answers: Mapping[int, str],
        result: ReflectionResult,
    ) -> tuple[str, ...]:
        texts = {number: text_in(answer) for number, answer in answers.items()}
        templates = self._components.templates(base, texts)
        validated = validator.validate(Candidate(templates, base.parents, base.origin))
        result.child = validated.candidate
        result.observations += self._buffer.take()
        return validated.reasons


IMPROVE = """\
You improve prompts for language models. Here is <what> as it is now:

```
<curr_param>
```
<context>
This is how the model answered some inputs with it, and what was thought of the answers:

<side_info>

Write a better version of this text.
- Work out from the inputs and the feedback what the task really is, and say it clearly and completely.
- Add the facts, rules and conventions that the feedback reveals and the model cannot know by itself.
- Say how the answer must look (length, format, exact words) where answers failed for that.
- Keep what already works. State what holds for any input; do not copy these inputs or their answers.
<placeholders>
Give the complete new text, and nothing else, between ``` lines."""

COMBINE = """\
Two people have improved <what> for a language model, each without knowing of the other.

The newer version:

```
<curr_param>
```

Another version, made from an older one; on some inputs it does better than the newer one:

```
<other>
```

Write one version that has what both have: take the newer one and work into it what the other one says
beyond it. Leave nothing out that either of them teaches.
<placeholders>
Give the complete new text, and nothing else, between ``` lines."""

_MARK = re.compile(r"<(what|curr_param|other|context|side_info|placeholders)>")


def ask_to_improve(
    components: Components, candidate: Candidate, number: int, feedback: str, template: str | None = None
) -> tuple[Message, ...]:
    """Ask for a better text of one component.

    Args:
        number: the component's.
        feedback: what the candidate did on some examples, in words.
        template: instead of ours. ``<curr_param>`` and ``<side_info>`` are filled in, and the rule
            on placeholders is added behind it.
    """
    texts = components.texts(candidate)
    wording = IMPROVE if template is None else f"{template}\n\n<placeholders>"
    return _filled(
        wording,
        what=_description(components, number),
        curr_param=texts[number],
        context=_context(components, texts, number),
        side_info=feedback,
        placeholders=_placeholder_rule(texts[number]),
    )


def ask_to_combine(
    components: Components, newer: Candidate, other: Candidate, number: int
) -> tuple[Message, ...]:
    """Ask for one text of a component that has what two candidates have."""
    text = components.texts(newer)[number]
    return _filled(
        COMBINE,
        what=_description(components, number),
        curr_param=text,
        other=components.texts(other)[number],
        placeholders=_placeholder_rule(text),
    )


def ask_again(asked: Sequence[Message], answer: str, reasons: Sequence[str]) -> tuple[Message, ...]:
    """The same question once more, with what was wrong with the first answer."""
    complaint = (
        f"That text cannot be used: {'; '.join(reasons)}. "
        "Give the complete text once more without this fault, between ``` lines."
    )
    return (*asked, Message("assistant", answer), Message("user", complaint))


def text_in(answer: str) -> str:
    """The text between the fences of an answer; the whole answer when there are none."""
    from gepa.strategies.instruction_proposal import InstructionProposalSignature

    extracted: str = InstructionProposalSignature.output_extractor(answer.strip())["new_instruction"]
    return extracted


def _filled(wording: str, **values: str) -> tuple[Message, ...]:
    """One pass, so that a mark inside a text stays as it is."""
    return (Message("user", _MARK.sub(lambda mark: values.get(mark.group(1), mark.group(0)), wording)),)


def _description(components: Components, number: int) -> str:
    component = components[number]
    if component.message is None:
        return "a prompt" if len(components) == 1 else f"the prompt {component.prompt!r}"
    return f"the {component.role} message (number {component.message + 1}) of the chat {component.prompt!r}"


def _context(components: Components, texts: dict[int, str], number: int) -> str:
    others = [
        f"{_description(components, other)}:\n```\n{text}\n```"
        for other, text in texts.items()
        if other != number
    ]
    if not others:
        return ""
    return "\nIt is used together with these, which stay as they are:\n\n" + "\n\n".join(others) + "\n"


def _placeholder_rule(text: str) -> str:
    names = [f"{{{{{name}}}}}" for name in sorted(variables_of(text))]
    if not names:
        return "- It holds no {{placeholders}}; add none."
    return (
        "- Each input is filled in where these placeholders stand. "
        f"Keep every one exactly as written, and add no other: {', '.join(names)}"
    )

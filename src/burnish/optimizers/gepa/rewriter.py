"""New candidates from the reflection model, checked; asked for once more when they are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa import reflection
from burnish.optimizers.gepa.components import Components
from burnish.optimizers.gepa.proposals import Launch
from burnish.optimizers.protocol import Reflect, Task
from burnish.optimizers.search.buffered_observer import Note, Notes
from burnish.optimizers.search.feedback import feedback
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings

FEEDBACK_TOKENS = 8000
"""Of one question; the longest entries are cut first."""

Questions = Mapping[int, Sequence[Message]]
"""Component number → what is asked for it."""


@dataclass(slots=True)
class Rewrite:
    """A child, or ``None`` when it was refused; what is to be told; questions asked."""

    child: Candidate | None = None
    notes: list[Note] = field(default_factory=list)
    reflections: int = 0


class Rewriter:
    """Makes children.

    Children of a first reflection and those carried over to a newer parent pass validators of their own:
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
        self._notes = Notes()
        self._validator = ProposalValidator(task, settings, self._notes)
        self._validator_of_rebased = ProposalValidator(task, settings, self._notes)

    async def improve(
        self, launch: Launch, before: Means, my_turn: Callable[[], Awaitable[object]]
    ) -> Rewrite:
        """Ask for a better parent.

        Args:
            before: the parent on the minibatch.
            my_turn: returns when every older proposal has been ruled on.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        told = feedback(before.evaluations, launch.minibatch, FEEDBACK_TOKENS)
        questions: Questions = {
            number: reflection.improve(self._components, launch.parent, number, told, self._template)
            for number in launch.components
        }
        names = ", ".join(self._components[number].name for number in launch.components)
        child = Candidate(
            launch.parent.texts,
            parents=(launch.parent.candidate_id,),
            origin=f"reflection {launch.number + 1} on {names}",
        )
        rewrite = Rewrite()
        answers = await self._ask(questions, launch.sample, rewrite)
        await my_turn()
        reasons = self._validate(self._validator, child, answers, rewrite)
        if reasons:
            questions = {
                number: reflection.again(asked, answers[number], reasons)
                for number, asked in questions.items()
            }
            answers = await self._ask(questions, launch.sample, rewrite)
            self._validate(self._validator, child, answers, rewrite)
        return rewrite

    async def carry_over(self, launch: Launch, child: Candidate, newer: Candidate) -> Rewrite:
        """Make the change of a child once more, on top of a newer candidate than its parent.

        Where only one of them has changed a component, it is taken over; where both have, the
        reflection model is asked to combine them.

        Raises:
            BudgetExhausted, ModelError: of the reflection model.
        """
        old, new, mine = (self._components.texts(c) for c in (launch.parent, newer, child))
        contested = [n for n in launch.components if new[n] != old[n] and mine[n] != old[n]]
        questions: Questions = {
            number: reflection.combine(self._components, newer, child, number) for number in contested
        }
        rewrite = Rewrite()
        answers = await self._ask(questions, launch.sample, rewrite)
        taken = {number: mine[number] for number in launch.components if new[number] == old[number]}
        carried = Candidate(
            self._components.templates(newer, taken),
            parents=(newer.candidate_id, child.candidate_id),
            origin=f"reflection {launch.number + 1}, carried over",
        )
        self._validate(self._validator_of_rebased, carried, answers, rewrite)
        return rewrite

    async def _ask(self, questions: Questions, sample: int, rewrite: Rewrite) -> dict[int, str]:
        rewrite.reflections += len(questions)
        answers = await gather_in_order(self._answer(messages, sample) for messages in questions.values())
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, messages: Sequence[Message], sample: int) -> str:
        return await self._reflect(messages, sample=sample)

    def _validate(
        self, validator: ProposalValidator, base: Candidate, answers: Mapping[int, str], rewrite: Rewrite
    ) -> tuple[str, ...]:
        texts = {number: reflection.text_in(answer) for number, answer in answers.items()}
        templates = self._components.templates(base, texts)
        result = validator.validate(Candidate(templates, base.parents, base.origin))
        rewrite.child = result.candidate
        rewrite.notes += self._notes.take()
        return result.reasons

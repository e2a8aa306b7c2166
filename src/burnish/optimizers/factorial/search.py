"""The search: rounds of randomized sets of edits, new edits from failures, and when to stop.

Two rounds are in flight. Each is drawn from what all rounds before the last one have told, and rounds are
committed in the order they were drawn, so the path depends on the seed and on answers, never on timing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.edit import EditStatus
from burnish.domain.job import StopReason
from burnish.domain.score import Evaluation
from burnish.errors import BudgetExhausted, ModelError
from burnish.evaluation.protocol import Evaluate, Means
from burnish.llm.protocol import Completion
from burnish.optimizers.factorial.composition import EditComposer
from burnish.optimizers.factorial.edits import Edit
from burnish.optimizers.factorial.expectation import HORIZON, expected_gain
from burnish.optimizers.factorial.pool import EditPool, Entry
from burnish.optimizers.factorial.proposer import EditProposer
from burnish.optimizers.factorial.rounds import Measurement, Question, Round
from burnish.optimizers.factorial.settings import FactorialSettings, Method
from burnish.optimizers.factorial.templates import demonstration_edits, format_edits, wording_edits
from burnish.optimizers.prompts.demonstrations import Demonstration, showable
from burnish.optimizers.protocol import Observe, Reflect, Task
from burnish.optimizers.search.effects import EffectModel, Priors
from burnish.optimizers.search.racing import in_fair_order
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.optimizers.search.validator import ProposalValidator

FIRST_LOOK = 12
"""Training examples the source is tried on at first."""

ROUNDS_IN_FLIGHT = 2
REPAIR = 0.05  # a score this much higher than the failure's repairs it
FEWEST_CALLS = 60  # before the expected gain may end the search
CALLS_PER_CHECK = 25
PATIENT_CHECKS = 2


class Search:
    """See the module.

    Args:
        source: the source's results on validation.
        limit: calls of the search, the source on validation and the final check included.
        reserved: calls of them that are held for the final check.
    """

    def __init__(
        self,
        task: Task,
        evaluate: Evaluate,
        reflect: Reflect | None,
        observe: Observe,
        settings: FactorialSettings,
        method: Method,
        source: Means,
        limit: int,
        reserved: int,
    ) -> None:
        self._task, self._evaluate, self._reflect, self._observe = task, evaluate, reflect, observe
        self._settings, self._method, self._source = settings, method, source
        self._cost = calls_of_one_evaluation(source)
        self.spent = len(task.validation) * self._cost
        self.limit, self.reserved = limit, reserved
        self._validator = ProposalValidator(task, settings, observe)
        self.roles = settings.roles
        self.composer = EditComposer(task, self.roles)
        self._scored = task.scored  # the prompt whose answer the expectations speak of
        self.pool = EditPool(
            _model(method),
            settings.give_up_below,
            settings.settled_above,
            method.factorial,
            method.interactions,
        )
        self._examples = in_fair_order(task.train, task.seed)
        self._by_id = {example.example_id: example for example in task.train}
        self._proposer = EditProposer(task, settings, method, self.pool, self.composer)
        self._cursor = 0
        self._passed: dict[str, Demonstration] = {}
        self._asked: set[tuple[str, str]] = set()
        self._valid: dict[str, bool] = {}
        self._admitted: dict[str, Candidate | None] = {}
        self._unscreened: list[tuple[Entry, tuple[str, ...]]] = []
        self._rounds = self._committed = 0
        self._demonstrated = False
        self._small_gains = 0
        self._best_gain = 0.0
        self._next_check = self.spent + FEWEST_CALLS * self._cost
        self.target = settings.target_score
        self.stop_reason: StopReason | None = None
        self.exhausted: BudgetExhausted | None = None

    async def run(self) -> None:
        """Round after round, until :attr:`stop_reason` is set or the budget leaves no room for another.

        Raises:
            ModelError, ScorerFailed: as from ``evaluate`` and ``reflect``.
        """
        if not self._rounds and self._reflect is None:
            self._add_templates()
        in_flight: deque[asyncio.Task[Round]] = deque()
        try:
            while True:
                while len(in_flight) < ROUNDS_IN_FLIGHT and (planned := self._plan()) is not None:
                    in_flight.append(asyncio.create_task(planned.run(self._evaluate, self._reflect)))
                if not in_flight:
                    break
                self._commit(await in_flight.popleft())
        finally:
            for running in in_flight:
                running.cancel()
            await asyncio.gather(*in_flight, return_exceptions=True)
        self.stop_reason = self.stop_reason or self._out_of_work()

    def admit(self, candidate: Candidate, chosen: Sequence[Entry]) -> Candidate | None:
        """Check a finished prompt and report it; ``None`` when it cannot be used."""
        if candidate.candidate_id not in self._admitted:
            shown = frozenset[str]().union(*(entry.edit.demonstrated for entry in chosen))
            self._admitted[candidate.candidate_id] = self._validator.validate(candidate, shown).candidate
        return self._admitted[candidate.candidate_id]

    @property
    def left(self) -> int:
        """Calls that rounds may still make."""
        return self.limit - self.reserved - self.spent

    # --- planning

    def _plan(self) -> Round | None:
        """The next round; ``None``: nothing to ask until another is committed, or nothing at all."""
        if self.stop_reason or self.exhausted or (self._rounds and not self._committed):
            return None
        number = self._rounds
        if not number:
            measurements = self._first_look()
            questions: list[Question] = []
        else:
            questions = self._ask(number)
            self.spent += len(questions)
            measurements = self._screens()
            measurements += self._draws(number, bool(questions))
        if not measurements and not questions:
            return None
        self._rounds += 1
        return Round(number=number, measurements=measurements, questions=questions)

    def _ask(self, number: int) -> list[Question]:
        if self._reflect is None:
            return []
        searched = self.spent // self._cost - len(self._task.validation)
        return self._proposer.questions(
            number, len(self._unscreened), searched, affordable=self.left - self._cost
        )

    def _first_look(self) -> list[Measurement]:
        count = min(FIRST_LOOK, len(self._examples))
        found = [self._measurement((), example) for example in self._examples[:count]]
        self._cursor = count
        return [measurement for measurement in found if measurement is not None]

    def _draws(self, number: int, asking: bool) -> list[Measurement]:
        """Randomized sets on the next examples; without edits to test, a look at the source for failures."""
        active = bool(self.pool.active)
        wanted = self.round_size
        if not active:
            enough = self._settings.failures_shown * self._settings.proposals
            pointless = self._reflect is None or (self._proposer.ended and not asking)
            wanted = 0 if pointless or len(self._proposer.failures()) >= enough else 4
        found: list[Measurement] = []
        misses = 0
        for place in range(8 * wanted):
            if len(found) >= wanted or misses >= 2 * len(self._examples):
                break
            random = np.random.default_rng([self._task.seed, number, place])
            example = self._next_example(random)
            chosen = self.pool.draw(random, example.example_id) if active else []
            measurement = self._measurement(tuple(chosen), example)
            if measurement is None:
                misses += 1
            else:
                found.append(measurement)
        return found

    def _next_example(self, random: np.random.Generator) -> Example:
        """In a fixed order; after two passes those whose answer is uncertain come more often."""
        model, examples = self.pool.model, self._examples
        while True:
            example = examples[self._cursor % len(examples)]
            self._cursor += 1
            if self._cursor <= 2 * len(examples):
                return example
            expected = self.pool.posterior.base + self._best_gain + model.ability(example.example_id)
            chance = min(0.95, max(0.05, expected))
            if random.random() < 0.15 + 3.4 * chance * (1 - chance):
                return example

    def _screens(self) -> list[Measurement]:
        """New edits, each in the best prompt so far, on the failures it was written from."""
        found = []
        waiting, self._unscreened = self._unscreened, []
        best = self.pool.best()
        for entry, shown in waiting:
            beside = [e for e in best if not e.slot or e.slot != entry.slot]
            chosen = tuple(sorted([*(e for e in beside if e is not entry), entry], key=lambda e: e.number))
            for example_id in shown:
                if measurement := self._measurement(chosen, self._by_id[example_id], entry):
                    found.append(measurement)
        return found

    def _measurement(
        self, chosen: tuple[Entry, ...], example: Example, screened: Entry | None = None
    ) -> Measurement | None:
        """``None`` when it was asked before, cannot be asked, or does not fit the budget."""
        candidate = self.composer.candidate([entry.edit for entry in chosen])
        while chosen and not self._is_valid(candidate, chosen):
            if screened is not None:
                return None
            chosen = chosen[:-1]
            candidate = self.composer.candidate([entry.edit for entry in chosen])
        key = (candidate.candidate_id, example.example_id)
        if key in self._asked or self.left < self._cost:
            return None
        self._asked.add(key)
        self.spent += self._cost
        return Measurement(chosen, candidate, example, screened)

    def _is_valid(self, candidate: Candidate, chosen: Sequence[Entry]) -> bool:
        if candidate.candidate_id not in self._valid:
            shown = frozenset[str]().union(*(entry.edit.demonstrated for entry in chosen))
            self._valid[candidate.candidate_id] = not self._validator.reasons_against(candidate, shown)
        return self._valid[candidate.candidate_id]

    # --- committing

    def _commit(self, done: Round) -> None:
        """Learn what a round has told, in the order it was drawn."""
        repaired: dict[int, tuple[Entry, bool]] = {}
        for measurement, evaluation in zip(done.measurements, done.evaluations, strict=True):
            if isinstance(evaluation, BudgetExhausted):
                self.exhausted = evaluation
                continue
            repairs = self._learn(measurement, evaluation)
            if (entry := measurement.screened) is not None:
                before = repaired.get(entry.number, (entry, False))[1]
                repaired[entry.number] = (entry, before or repairs)
        for entry, repairs in repaired.values():
            self._screened(entry, repairs)
        for question, answer in zip(done.questions, done.answers, strict=True):
            if isinstance(answer, BudgetExhausted):
                self.exhausted = answer
            else:
                self._read(question, answer)
        self._committed += 1
        if not done.number and self._reflect is not None:
            self._add_templates()
        self._add_demonstrations()
        for entry in self.pool.update():
            self._observe.edit(self.pool.report(entry))
        self._best_gain = self.pool.gain(self.pool.best()).mean
        self._consider_stopping()

    def _learn(self, measurement: Measurement, evaluation: Evaluation) -> bool:
        """One row for the model. Returns whether a failure was repaired."""
        example_id = evaluation.example_id
        before = self._proposer.latest.get(example_id)
        self._proposer.latest[example_id] = evaluation
        chosen = measurement.chosen
        in_sample = self._method.in_sample and any(example_id in entry.shown for entry in chosen)
        self.pool.model.observe(example_id, self.pool.features(chosen), evaluation.aggregate, in_sample)
        if evaluation.aggregate >= self._settings.pass_score:
            passed = Demonstration(self._by_id[example_id], evaluation.output.strip())
            if showable(passed, self._task.jinja):
                self._passed.setdefault(example_id, passed)
        return before is not None and evaluation.aggregate > before.aggregate + REPAIR

    def _screened(self, entry: Entry, repairs: bool) -> None:
        if repairs or not self._method.screen:
            self.pool.take_back(entry)
            self._proposer.did_good()
        elif entry.status is EditStatus.TESTING and not entry.screened:
            self.pool.give_up(entry, "it repaired none of the failures it was written from")
            self._observe.edit(self.pool.report(entry))

    def _read(self, question: Question, answer: Completion | ModelError) -> None:
        if isinstance(answer, ModelError):
            self._observe.warning(f"the reflection model did not answer: {answer}")
        read = self._proposer.read(question, answer if isinstance(answer, Completion) else None)
        for text, reason in read.refused:
            self._observe.warning(f"{question.origin}: {text[:120]!r} cannot be used: {reason}")
        had_ended = self._proposer.ended
        new = [edit for edit in read.edits if self._add(edit)]
        self._proposer.was_new(bool(new))
        if self._proposer.ended and not had_ended:
            self._observe.warning(
                "the reflection model has no new edits that do any good; it is not asked again"
            )

    def _add(self, edit: Edit) -> bool:
        """Take an edit in. The same text again is new evidence for the edit there is.

        Returns:
            Whether it is new.
        """
        needs_screen = bool(edit.written_from)
        if (known := self.pool.find(edit)) is not None:
            if edit.written_from:
                known.shown |= edit.written_from
                self._unscreened.append((known, tuple(sorted(edit.written_from))))
            return False
        candidate = self.composer.candidate([edit])
        if reasons := self._validator.reasons_against(candidate, edit.demonstrated):
            self._observe.warning(f"{edit.origin}: {edit.text[:120]!r} cannot be used: {'; '.join(reasons)}")
            return False
        entry = self.pool.add(edit, screened=not needs_screen)
        if needs_screen:
            self._unscreened.append((entry, tuple(sorted(edit.written_from))))
        self._observe.edit(self.pool.report(entry))
        return True

    # --- edits without a reflection model

    def _add_templates(self) -> None:
        wanted = self._settings.templates
        if wanted is False:
            return
        alone = self._reflect is None
        failing = () if alone else self._proposer.failures()[: self._settings.failures_shown]
        for name, composer in self.composer.composers.items():
            scored = name == self._scored
            found = format_edits(name, composer) if scored else []
            if wanted or alone:
                found += wording_edits(name, composer, scored)
            for edit in found:
                self._add(replace(edit, written_from=frozenset(failing)))
        self.pool.update()

    def _add_demonstrations(self) -> None:
        most = 0 if self._settings.refuse_copied_examples else self._settings.max_demonstrations
        if self._demonstrated or len(self._passed) < max(2, most) or not most or self._scored is None:
            return
        self._demonstrated = True
        turns = self.composer.composers[self._scored].slot.takes_turns
        passed = list(self._passed.values())
        for edit in demonstration_edits(self._scored, passed, most, self._task.seed, turns):
            self._add(edit)

    # --- stopping

    def _consider_stopping(self) -> None:
        best = self.pool.gain(self.pool.best())
        predicted = self._source.aggregate + best.mean
        if self.target < 1 and predicted >= self.target:
            self.stop_reason = StopReason.TARGET_REACHED
        if self.stop_reason or self.spent < self._next_check:
            return
        self._next_check = self.spent + CALLS_PER_CHECK * self._cost
        settings = self._settings
        random = np.random.default_rng([self._task.seed, self._rounds])
        gain = round(expected_gain(self.pool, self._questions_in_hundred(), random), 5)
        settled = not self._unscreened and not self._proposer.unanswered
        self._small_gains = self._small_gains + 1 if settled and gain < settings.minimum_gain else 0
        ends = self._small_gains >= PATIENT_CHECKS
        self._observe.forecast(self.spent, gain, settings.minimum_gain)
        if ends:
            self.stop_reason = StopReason.LITTLE_TO_GAIN

    def _questions_in_hundred(self) -> float:
        if self._reflect is None or self._proposer.ended or not self._proposer.failures():
            return 0.0
        searched = max(1, self.spent // self._cost - len(self._task.validation))
        return HORIZON * self._proposer.asked / searched

    def _out_of_work(self) -> StopReason:
        if self.exhausted or self.left < self._cost:
            return StopReason.BUDGET
        return StopReason.NO_NEW_IDEAS if self._proposer.ended else StopReason.FINISHED

    @property
    def round_size(self) -> int:
        return self._settings.round_size or min(16, max(4, self._task.concurrency // ROUNDS_IN_FLIGHT))


def _model(method: Method) -> EffectModel:
    return EffectModel(Priors() if method.example_effects else Priors(example_sd=1e-3, fit=False))

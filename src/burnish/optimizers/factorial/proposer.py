"""New edits from the reflection model: what it is shown, when it is asked, and when it has no more ideas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.edit import EditStatus
from burnish.domain.score import Evaluation
from burnish.llm.protocol import Completion
from burnish.optimizers.factorial.composition import EditComposer
from burnish.optimizers.factorial.pool import EditPool
from burnish.optimizers.factorial.reflection import EditRequest, ReadEdits, read_edits, read_wholes
from burnish.optimizers.factorial.rounds import Question
from burnish.optimizers.factorial.settings import FactorialSettings, Method
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.delimiters import ask_again
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.feedback import feedback

REPETITIONS = 8  # answers in a row without a new edit: the reflection model has no more ideas
IDLE_QUESTIONS = 40  # in a row from which no edit passed the screen: its ideas do no good
CALLS_PER_REWORDING = 40
GIVEN_UP_SHOWN = 12
_SAMPLES_OF_A_ROUND = 1000  # keeps the samples of two rounds apart


class EditProposer:
    """Asks about failures, those first that were shown least.

    Attributes:
        latest: the latest result on each training example that was tried.
        asked: questions about failures so far.
        unanswered: of them.
    """

    def __init__(
        self, task: Task, settings: FactorialSettings, method: Method, pool: EditPool, composer: EditComposer
    ) -> None:
        self._task, self._settings, self._method = task, settings, method
        self._pool, self._composer = pool, composer
        self._by_id = {example.example_id: example for example in task.train}
        self._tries: dict[str, int] = {}
        self._most_tries = settings.failure_tries
        self._rewordings = self._repetitions = self._idle = 0
        self._again: list[Question] = []
        self.latest: dict[str, Evaluation] = {}
        self.asked = self.unanswered = 0

    def failures(self) -> list[str]:
        """Ids of examples that may be shown; once all have been shown as often as may be, once more."""
        failing = [example_id for example_id, last in self.latest.items() if last.aggregate < 1]
        if failing and min(self._tries.get(example_id, 0) for example_id in failing) >= self._most_tries:
            self._most_tries += 1
        return [example_id for example_id in failing if self._tries.get(example_id, 0) < self._most_tries]

    @property
    def ended(self) -> bool:
        """Whether the model only repeats itself, or nothing it writes does any good."""
        return self._repetitions >= REPETITIONS or self._idle >= IDLE_QUESTIONS

    # --- asking

    def questions(self, round_number: int, waiting: int, searched: int, affordable: int) -> list[Question]:
        """What to ask in a round.

        Args:
            waiting: edits that are still to be screened.
            searched: evaluations of the search so far.
            affordable: questions at most.
        """
        if self.ended:
            return []
        found, self._again = self._again[:affordable], self._again[affordable:]
        self.unanswered += sum(bool(question.shown) for question in found)
        if len(found) < affordable:
            found += self._reword(round_number, searched)
        failing = self.failures()
        undecided = len(self._pool.in_doubt) + waiting + self.unanswered
        if undecided >= self._settings.edits_in_doubt or not failing:
            return found
        random = np.random.default_rng([self._task.seed, round_number, _SAMPLES_OF_A_ROUND])
        drawn = {example_id: random.random() for example_id in failing}
        failing.sort(key=lambda i: (self._tries.get(i, 0), round(4 * self.latest[i].aggregate), drawn[i]))
        each = self._settings.failures_shown
        for place in range(min(self._settings.proposals, affordable - len(found))):
            shown = dict.fromkeys(failing[(place * each + k) % len(failing)] for k in range(each))
            found.append(self._about(list(shown), round_number * _SAMPLES_OF_A_ROUND + place, random))
        return found

    def _about(self, failing: Sequence[str], sample: int, random: np.random.Generator) -> Question:
        for example_id in failing:
            self._tries[example_id] = self._tries.get(example_id, 0) + 1
        self.asked += 1
        self.unanswered += 1
        parent = self._composer.candidate([entry.edit for entry in self._pool.best()])
        memory = self._method.memory
        failures, passes = self._shown(failing), self._shown(self._contrast(random))
        request = EditRequest(
            parent=parent,
            format=self._format(parent, failures, passes),
            failures=failures,
            passes=passes,
            tested=self._texts(EditStatus.TESTING) if memory else (),
            given_up=self._texts(EditStatus.GIVEN_UP)[-GIVEN_UP_SHOWN:] if memory else (),
            guidelines=self._settings.guidelines or "",
            count=self._settings.edits_per_proposal,
        )
        return Question(request, frozenset(failing), sample, origin=f"reflection {self.asked}")

    def _reword(self, round_number: int, searched: int) -> list[Question]:
        """Now and then a whole rewording of the source, which competes with its own words."""
        if self._rewordings >= min(self._settings.rewordings, searched // CALLS_PER_REWORDING):
            return []
        source, guidelines = self._task.source, self._settings.guidelines or ""
        request = RewriteRequest(
            parent=source,
            format=self._format(source, guidelines),
            guidelines=guidelines,
            number=self._rewordings,
        )
        self._rewordings += 1
        sample = (round_number + 1) * _SAMPLES_OF_A_ROUND - 1
        return [Question(request, frozenset(), sample, origin=f"rewording {self._rewordings}")]

    def _format(self, parent: Candidate, *beside: str) -> ProposalFormat:
        return ProposalFormat(Components(parent, self._settings.roles), parent, beside=beside)

    def _shown(self, example_ids: Sequence[str]) -> str:
        evaluations = [self.latest[example_id] for example_id in example_ids]
        examples = [self._by_id[example_id] for example_id in example_ids]
        return feedback(evaluations, examples, self._settings.feedback_tokens) if evaluations else ""

    def _contrast(self, random: np.random.Generator) -> list[str]:
        passed = [example_id for example_id, last in self.latest.items() if last.aggregate >= 1]
        return [passed[int(random.integers(len(passed)))]] if passed else []

    def _texts(self, status: EditStatus) -> list[str]:
        """Statements of a status; of those given up, what was measured: the screen alone says too little."""
        return [
            entry.edit.text
            for entry in self._pool.entries
            if entry.status is status
            and not entry.edit.slot
            and (entry.screened or status is EditStatus.TESTING)
        ]

    # --- hearing

    def read(self, question: Question, answer: Completion | None) -> ReadEdits:
        """The edits in an answer; none in ``None``, which is no answer.

        An answer that holds nothing that can be used is asked for once more, with the reason.
        """
        if question.shown:
            self.unanswered -= 1
            self._idle += 1
        request = question.request
        if answer is None:
            return ReadEdits(())
        if isinstance(request, RewriteRequest):
            delimiters = request.format.delimiters
            read = read_wholes(answer, request.format, request.parent, question.origin)
        else:
            delimiters = request.delimiters
            read = read_edits(answer, request, self._task.source, question.origin, question.shown)
        if read.refused and not read.edits and not question.again:
            reasons = [reason for _, reason in read.refused]
            again = ask_again(question.messages, answer, list(dict.fromkeys(reasons)), delimiters)
            self._again.append(replace(question, again=again))
        return replace(read, edits=read.edits[: self._settings.edits_per_proposal])

    def was_new(self, new: bool) -> None:
        """Whether the latest answer held an edit that there was not."""
        self._repetitions = 0 if new else self._repetitions + 1

    def did_good(self) -> None:
        """An edit has passed the screen."""
        self._idle = 0

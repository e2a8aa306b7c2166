"""Gets rewrites from the reflection model: side by side, checked, asked for again with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.concurrency import gather_affordable
from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message
from burnish.errors import BudgetExhausted, ModelError
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.delimiters import UnusableAnswer, ask_again
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.protocol import Observe, Reflect
from burnish.optimizers.search.validator import ProposalValidator

MOST_SIDE_BY_SIDE = 1000  # keeps the samples of two rounds apart


@dataclass(slots=True)
class Writer:
    """Asks for rewrites side by side, has them checked in launch order, asks again for what was refused."""

    components: Components
    reflect: Reflect
    validator: ProposalValidator
    observe: Observe
    parameters: Parameters | None
    retries: int

    async def write(self, rewrites: Sequence[RewriteRequest], round_number: int) -> list[Candidate]:
        """Ask for rewrites, and once more for those that cannot be used.

        Args:
            round_number: makes the samples of each round different calls.

        Returns:
            What may be measured, in launch order.

        Raises:
            BudgetExhausted
            ModelError: a systemic one, or no rewrite of the first try was answered at all.
        """
        open_requests = {at: rewrite.messages() for at, rewrite in enumerate(rewrites)}
        accepted: dict[int, Candidate] = {}
        for _ in range(1 + self.retries):
            answers = await self._ask(open_requests, round_number)
            still_open = {}
            for at, answer in answers.items():
                origin = f"rewrite {round_number + 1}.{at + 1}"
                candidate, reasons = self._read(rewrites[at], answer, origin)
                if candidate is not None:
                    accepted[at] = candidate
                else:
                    delimiters = rewrites[at].format.delimiters
                    still_open[at] = ask_again(open_requests[at], answer, reasons, delimiters)
            open_requests = still_open
            if not open_requests:
                break
        return [accepted[at] for at in sorted(accepted)]

    def _read(
        self, rewrite: RewriteRequest, answer: Completion, origin: str
    ) -> tuple[Candidate | None, Sequence[str]]:
        try:
            texts = rewrite.format.read(answer)
        except UnusableAnswer as unusable:
            self.observe.warning(f"{origin} cannot be used: {unusable.reason}")
            return None, [unusable.reason]
        templates = self.components.templates(rewrite.parent, texts)
        proposal = Candidate(templates, parents=(rewrite.parent.candidate_id,), origin=origin)
        result = self.validator.validate(proposal)
        return result.candidate, result.reasons

    async def _ask(
        self, requests: Mapping[int, Sequence[Message]], round_number: int
    ) -> dict[int, Completion]:
        async def one(at: int, messages: Sequence[Message]) -> Completion | ModelError:
            sample = round_number * MOST_SIDE_BY_SIDE + at
            try:
                return await self.reflect(messages, sample=sample, parameters=self.parameters)
            except ModelError as error:
                if error.systemic:
                    raise
                return error

        answers: dict[int, Completion] = {}
        failures: list[ModelError] = []
        results = await gather_affordable(one(at, messages) for at, messages in requests.items())
        for at, result in zip(requests, results, strict=True):
            if isinstance(result, BudgetExhausted):
                raise result
            if isinstance(result, ModelError):
                failures.append(result)
                self.observe.warning(f"a rewrite was not answered: {result}")
            else:
                answers[at] = result
        if failures and not answers:
            raise failures[0]
        return answers

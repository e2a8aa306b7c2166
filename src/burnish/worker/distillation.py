"""A teacher's answers take the place of the expected responses, before the search.

Each answer is a call like any other: reserved, journaled and counted, in the role of teacher.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from burnish.domain.answer import AnswerOutcome
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.domain.usage import Role
from burnish.errors import ModelError, OptimizerFailed
from burnish.llm.protocol import LanguageModel, Purpose, Request
from burnish.planning.plan import Plan


async def distill_labels(
    plan: Plan, model: LanguageModel, renderer: Renderer | None = None
) -> tuple[Plan, tuple[str, ...]]:
    """The plan with the teacher's answers as expectations, where the job has a teacher.

    An example that the teacher could not answer is left out; so is one whose answer was cut off or refused,
    since the student would learn to give such answers.

    Returns:
        The plan, and warnings about what was left out.

    Raises:
        OptimizerFailed: the teacher left no example for training or for validation.
        BudgetExhausted, ModelError: as a model call does.
    """
    if plan.teacher is None:
        return plan, ()
    prompt, target = plan.teacher
    fill = renderer or PlainRenderer()
    teacher_id = Candidate({prompt.name: prompt.template}).candidate_id
    slots = asyncio.Semaphore(plan.config.concurrency)
    unusable: Counter[AnswerOutcome] = Counter()

    async def label(example: Example) -> Example | None:
        request = Request(
            model=target.uri,
            messages=await fill.render(prompt.template, example.inputs),
            parameters=target.parameters,
        )
        purpose = Purpose(
            role=Role.TEACHER, candidate_id=teacher_id, example_id=example.example_id, phase="teaching"
        )
        async with slots:
            try:
                answer = await model.complete(request, purpose)
            except ModelError as error:
                if error.systemic:
                    raise
                unusable[AnswerOutcome.ERROR] += 1
                return None
        if answer.outcome is not AnswerOutcome.OK:
            unusable[answer.outcome] += 1
            return None
        expectations = {**example.expectations, "expected_response": answer.text.strip()}
        return replace(example, expectations=expectations)

    async def label_all(examples: tuple[Example, ...]) -> tuple[Example, ...]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(label(example)) for example in examples]
        return tuple(example for task in tasks if (example := task.result()) is not None)

    before = plan.splits
    try:
        splits = replace(
            before,
            train=await label_all(before.train),
            validation=await label_all(before.validation),
            test=await label_all(before.test),
        )
    except BaseExceptionGroup as group:  # the first cause speaks for all
        raise group.exceptions[0] from None
    kinds = ", ".join(f"{count} {outcome}" for outcome, count in sorted(unusable.items()))
    if not splits.train or not splits.validation:
        raise OptimizerFailed(
            f"the teacher answered no example of the train or the validation split ({kinds}); where answers "
            "were cut, raise max_tokens in the model config of its prompt"
        )
    asked = len(before.train) + len(before.validation) + len(before.test)
    left_out = unusable.total()
    warning = f"the teacher gave no usable answer to {left_out} of {asked} examples ({kinds})"
    return replace(plan, splits=splits), (warning,) if left_out else ()

"""Everything one job needs, loaded and checked.

The service plans to refuse what cannot work before anything is written; the worker plans to run.
One road, so that what was accepted is what runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobConfig, OptimizerType
from burnish.domain.prompt import Prompt, check_template, lookalikes_of, needs_value
from burnish.errors import InvalidInput, NotFound, OutsideFailure, Problem, Problems
from burnish.evaluation.scorer import WeightedScorer
from burnish.evaluation.scorers.expectations import check_expectations
from burnish.evaluation.splits import Splits, check_fractions, split
from burnish.llm.protocol import Parameters
from burnish.optimizers.protocol import CallEstimate, Optimizer
from burnish.tracking.protocol import Tracker


@dataclass(frozen=True, slots=True)
class TargetModel:
    """The model that answers the prompt, and how it is asked."""

    uri: str
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job ready to run.

    Attributes:
        prompts: in the order of ``config.source_prompt_uris``.
        dataset: ``None`` for METAPROMPT without data.
        needed: the search's estimate of its calls, the sealed test not included.
        warnings: what a user should know before paying.
    """

    config: JobConfig
    prompts: tuple[Prompt, ...]
    dataset: Dataset | None
    splits: Splits
    scorers: tuple[WeightedScorer, ...]
    optimizer: Optimizer
    target: TargetModel
    reflection: TargetModel | None
    teacher: tuple[Prompt, TargetModel] | None
    needed: CallEstimate
    warnings: tuple[str, ...]

    @property
    def source(self) -> Candidate:
        return Candidate({prompt.name: prompt.template for prompt in self.prompts}, origin="source")

    @property
    def test_calls(self) -> int:
        """Calls held back for the sealed test: source and winner on each example."""
        return 2 * len(self.splits.test) * self.calls_per_evaluation

    @property
    def teacher_calls(self) -> int:
        """One for each example, before the search."""
        return len(self.dataset.examples) if self.teacher and self.dataset else 0

    @property
    def calls_left_for_search(self) -> int | None:
        """What the budget leaves when the teacher and the sealed test have theirs; ``None``: no limit."""
        limit = self.config.budget.max_calls
        return None if limit is None else limit - self.teacher_calls - self.test_calls

    @property
    def calls_per_evaluation(self) -> int:
        """The target's call, and one for each judge's answer."""
        return 1 + sum(entry.scorer.calls for entry in self.scorers)


class Models(Protocol):
    """What planning must know of models; ``llm.registry`` has it."""

    def resolve(
        self, uri: str | None, model_config: Mapping[str, Any], response_format: Mapping[str, Any] | None
    ) -> tuple[str, Parameters]:
        """A model URI and its parameters, from an explicit URI or else the prompt's model config.

        Raises:
            InvalidInput: no model is named, or the provider is unknown.
        """
        ...

    def price_known(self, uri: str) -> bool: ...


MakeScorers = Callable[[Sequence[str], str], tuple[WeightedScorer, ...]]
"""``(specs, experiment_id)`` → scorers; raises InvalidInput with every problem."""

_WITHOUT_DATA = ", ".join(kind for kind in OptimizerType if not kind.info.needs_data)

MakeOptimizer = Callable[[OptimizerType, Mapping[str, Any]], Optimizer]


class Planner:
    """Makes plans. Collects every problem instead of stopping at the first."""

    def __init__(
        self, tracker: Tracker, models: Models, make_scorers: MakeScorers, make_optimizer: MakeOptimizer
    ) -> None:
        self._tracker = tracker
        self._models = models
        self._make_scorers = make_scorers
        self._make_optimizer = make_optimizer

    async def plan(self, experiment_id: str, config: JobConfig, found: Sequence[Problem] = ()) -> Plan:
        """Load what the configuration names, and check it.

        Args:
            found: what is wrong with the request already; it is refused, with all that is found besides.

        Raises:
            InvalidInput: one error with all problems of the request.
            TrackingUnavailable: the prompts or the dataset cannot be read now.
        """
        try:
            return await asyncio.to_thread(self._load_and_check, experiment_id, config, Problems(found))
        except OutsideFailure:
            if found:  # wrong whether MLflow answers or not
                raise InvalidInput(*found) from None
            raise

    async def check(self, config: JobConfig, prompts: Sequence[Prompt], dataset: Dataset | None) -> Plan:
        """The same for prompts and data that are at hand (files that are not in MLflow yet).

        Raises:
            InvalidInput: one error with all problems of the request.
        """
        return await asyncio.to_thread(self._check, "", config, tuple(prompts), dataset, Problems())

    def _load_and_check(self, experiment_id: str, config: JobConfig, problems: Problems) -> Plan:
        if not experiment_id:
            problems.add("experiment_id", "", "name the experiment the run belongs to")
        elif not self._tracker.experiment_exists(experiment_id):
            problems.add("experiment_id", experiment_id, "there is no such active experiment in MLflow")
        prompts = self._prompts(config, problems)
        return self._check(experiment_id, config, prompts, self._dataset(config, problems), problems)

    def _check(
        self,
        experiment_id: str,
        config: JobConfig,
        prompts: tuple[Prompt, ...],
        dataset: Dataset | None,
        problems: Problems,
    ) -> Plan:
        problems.extend(config.problems())
        names = [prompt.name for prompt in prompts]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("source_prompt_uri", name, "the same prompt is named twice")
        for prompt in prompts:
            problems.collect(partial(check_template, prompt.template))
        scorers = problems.collect(lambda: self._make_scorers(config.scorers, experiment_id)) or ()
        optimizer = problems.collect(
            lambda: self._make_optimizer(config.optimizer_type, config.optimizer_config)
        )
        target, reflection = self._models_of(config, prompts, optimizer, problems)
        teacher = self._teacher(config, problems)
        judges = self._judge_models(scorers, problems)
        if target is not None:
            self._check_cost_scorers(scorers, target, problems)
        if config.budget.max_usd is not None:
            models = [model.uri for model in (target, reflection, teacher and teacher[1]) if model]
            self._check_prices([*models, *judges], problems)
        splits = Splits(train=(), validation=(), test=())
        if dataset is not None:
            if not config.scorers:
                problems.add("scorers", "", "name at least one scorer, for example exact_match")
            problems.collect(lambda: check_records(prompts, dataset))
            if teacher is not None:
                problems.collect(lambda: check_records(teacher[:1], dataset))
            taught = ("expected_response",) if teacher else ()
            problems.collect(lambda: check_expectations(scorers, dataset, given=taught))
            splits = problems.collect(lambda: split(dataset, config.split, config.seed)) or splits
        else:
            problems.collect(lambda: check_fractions(config.split))
        if problems or optimizer is None or target is None:
            raise problems.error()
        needed = optimizer.estimate(len(splits.train), len(splits.validation), _search_calls(config, splits))
        plan = Plan(
            config=config,
            prompts=prompts,
            dataset=dataset,
            splits=splits,
            scorers=scorers,
            optimizer=optimizer,
            target=target,
            reflection=reflection,
            teacher=teacher,
            needed=needed,
            warnings=(
                *splits.warnings,
                *needed.warnings,
                *unfilled_placeholders(prompts, dataset),
                *(entry.warning for entry in scorers if entry.warning),
            ),
        )
        check_budget(plan)
        return plan

    def _prompts(self, config: JobConfig, problems: Problems) -> tuple[Prompt, ...]:
        prompts = []
        for uri in config.source_prompt_uris:
            try:
                prompts.append(self._tracker.prompt(uri))
            except NotFound:
                problems.add("source_prompt_uri", uri, "there is no such prompt version in the registry")
            except InvalidInput as error:
                problems.extend(error.problems)
        if not config.source_prompt_uris:
            problems.add(
                "source_prompt_uri", "", "name the prompt version to optimize, prompts:/NAME/VERSION"
            )
        return tuple(prompts)

    def _dataset(self, config: JobConfig, problems: Problems) -> Dataset | None:
        if not config.dataset_id:
            if config.optimizer_type.info.needs_data or config.scorers:
                problems.add(
                    "dataset_id", "", f"name a dataset (only {_WITHOUT_DATA} without scorers can do without)"
                )
            return None
        try:
            return self._tracker.dataset(config.dataset_id)
        except NotFound:
            problems.add("dataset_id", config.dataset_id, "there is no such dataset in MLflow")
            return None

    def _models_of(
        self,
        config: JobConfig,
        prompts: Sequence[Prompt],
        optimizer: Optimizer | None,
        problems: Problems,
    ) -> tuple[TargetModel | None, TargetModel | None]:
        target = reflection = None
        if prompts or config.model:
            model_config, response_format = (
                (prompts[0].model_config, prompts[0].response_format) if prompts else ({}, None)
            )
            found = problems.collect(
                lambda: self._models.resolve(config.model, model_config, response_format)
            )
            if found:
                uri, parameters = found
                if config.max_output_tokens:
                    parameters = parameters.with_output_cap(config.max_output_tokens)
                target = TargetModel(uri, parameters)
        reflection_uri = config.reflection_model or config.optimizer_config.get("reflection_model")
        if reflection_uri:
            found = problems.collect(lambda: self._models.resolve(str(reflection_uri), {}, None))
            reflection = TargetModel(*found) if found else None
        elif optimizer is not None and optimizer.needs_reflection:
            problems.add(
                "reflection_model", "", f"{config.optimizer_type} writes its proposals with one; name it"
            )
        return target, reflection

    def _judge_models(self, scorers: Sequence[WeightedScorer], problems: Problems) -> list[str]:
        found = []
        for entry in scorers:
            uri = entry.scorer.model
            if uri and problems.collect(partial(self._models.resolve, uri, {}, None)):
                found.append(uri)
        return found

    def _check_prices(self, models: Sequence[str], problems: Problems) -> None:
        """A limit in dollars can only be kept with models whose price is known."""
        for uri in dict.fromkeys(models):
            if not self._models.price_known(uri):
                problems.add(
                    "budget.max_usd", uri, "the price of this model is unknown; use max_calls or max_tokens"
                )

    def _check_cost_scorers(
        self, scorers: Sequence[WeightedScorer], target: TargetModel, problems: Problems
    ) -> None:
        for entry in scorers:
            if entry.scorer.needs_price and not self._models.price_known(target.uri):
                remedy = f"the price of {target.uri} is unknown; weigh the request by short_prompt instead"
                problems.add("scorers", entry.scorer.name, remedy)

    def _teacher(self, config: JobConfig, problems: Problems) -> tuple[Prompt, TargetModel] | None:
        uri = config.optimizer_config.get("teacher_prompt_uri")
        if not uri:
            return None  # an optimizer that needs a teacher says so among its settings
        try:
            prompt = self._tracker.prompt(str(uri))
        except NotFound:
            problems.add("optimizer_config.teacher_prompt_uri", str(uri), "there is no such prompt version")
            return None
        except InvalidInput as error:
            problems.extend(error.problems)
            return None
        model = config.optimizer_config.get("teacher_model")
        found = problems.collect(
            lambda: self._models.resolve(
                str(model) if model else None if prompt.model_config else config.model,
                prompt.model_config,
                prompt.response_format,
            )
        )
        return (prompt, TargetModel(*found)) if found else None


def check_records(prompts: Sequence[Prompt], dataset: Dataset) -> None:
    """Every ``{{variable}}`` has a value in every record, and there is a variable at all.

    Raises:
        InvalidInput
    """
    problems = []
    if not dataset.examples:
        raise InvalidInput.of("dataset", dataset.name, "the dataset has no records; add some")
    columns = frozenset[str]().union(*(example.inputs for example in dataset.examples))
    named = frozenset[str]().union(*(prompt.variables for prompt in prompts))
    variables = {name for name in named if name in columns or needs_value(name)}
    if prompts and not variables:
        listed = ", ".join(f"{{{{{name}}}}}" for name in sorted(columns))
        remedy = f"the prompt has no {{{{variable}}}}, so every record would ask the same; add {listed}"
        problems.append(Problem("prompt", prompts[0].uri or prompts[0].name, remedy))
    for variable in sorted(variables):
        lacking = [example for example in dataset.examples if variable not in example.inputs]
        if lacking:
            remedy = (
                f"the prompt uses {{{{{variable}}}}} but {len(lacking)} of {len(dataset.examples)} records "
                "lack it (the first is named)"
            )
            problems.append(Problem(f"inputs.{variable}", lacking[0].example_id, remedy))
    if problems:
        raise InvalidInput(*problems)


def unfilled_placeholders(prompts: Sequence[Prompt], dataset: Dataset | None) -> list[str]:
    """Warnings about what looks like a variable and is sent as it stands, as MLflow would send it."""
    examples = dataset.examples if dataset else ()
    columns = frozenset[str]().union(*(example.inputs for example in examples))
    found = []
    for prompt in prompts:
        names = sorted(name for name in prompt.variables if name not in columns and not needs_value(name))
        parts = [*(f"{{{{{name}}}}}" for name in names), *lookalikes_of(prompt.template)]
        if parts:
            found.append(
                f"{prompt.name}: {', '.join(parts)} is sent as it stands, as MLflow would: only a plain name "
                "is filled in, and one that is not made of ASCII letters, digits, underscores and dots only "
                "where the records have a column of that very name"
            )
    return found


def check_budget(plan: Plan) -> None:
    """The budget must hold one validation pass, the sealed test and the least search that works.

    Raises:
        InvalidInput: says the least that works.
    """
    limit = plan.config.budget.max_calls
    if limit is None:
        return
    search = plan.needed.target_low * plan.calls_per_evaluation + plan.needed.reflection_low
    least = plan.teacher_calls + search + plan.test_calls
    if limit < least:
        raise InvalidInput.of(
            "budget.max_calls",
            limit,
            f"one validation pass ({len(plan.splits.validation)}), the least search and the sealed test "
            f"({plan.test_calls}) need {least} calls; raise it to {least} or more, or use fewer records",
        )


def _search_calls(config: JobConfig, splits: Splits) -> int | None:
    if config.budget.max_calls is None:
        return None
    return max(0, config.budget.max_calls - 2 * len(splits.test))

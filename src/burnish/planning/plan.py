"""A job ready to run, made from what the job was given and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.inputs import JobData, JobInputs, ResolvedModel
from burnish.domain.job import JobConfig
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.prompt import Prompt
from burnish.domain.rendering import Renderer
from burnish.domain.score import ScorerSpec
from burnish.evaluation.scorer import WeightedScorer
from burnish.evaluation.splits import Splits
from burnish.evaluation.target import AppTarget, ModelTarget, Target
from burnish.llm.gateway import JobGateway
from burnish.llm.protocol import LanguageModel, Parameters
from burnish.optimizers.protocol import CallEstimate, Optimizer

FindRegistered = Callable[[str, str], Mapping[str, Any] | None]
"""``(experiment_id, name)`` → a registered scorer in MLflow's serialized form."""

MakeOptimizer = Callable[[OptimizerType, Mapping[str, Any]], Optimizer]


class MakeScorers(Protocol):
    def __call__(
        self,
        specs: Sequence[str],
        *,
        experiment_id: str | None,
        judge_model: str | None,
        find_registered: FindRegistered | None,
    ) -> tuple[WeightedScorer, ...]:
        """
        Raises:
            InvalidInput: with every problem of every spec.
        """
        ...


@dataclass(frozen=True, slots=True)
class TargetModel:
    """The model that answers the prompt, and how it is asked; of a job with an app, the app."""

    uri: str
    parameters: Parameters

    @classmethod
    def of(cls, resolved: ResolvedModel) -> TargetModel:
        """A field that this version does not know is left out."""
        known = {entry.name for entry in fields(Parameters)}
        values = {name: value for name, value in resolved.parameters.items() if name in known}
        return cls(resolved.uri, Parameters(**{**values, "stop": tuple(values.get("stop") or ())}))

    def resolved(self) -> ResolvedModel:
        """Inverse of :meth:`of`."""
        return ResolvedModel(self.uri, asdict(self.parameters))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job ready to run.

    Attributes:
        prompts: in the order of ``config.source_prompt_uris``.
        dataset: ``None`` for METAPROMPT without data.
        needed: the search's estimate of its calls, the sealed test not included.
        warnings: what a user should know before paying.
        calls_per_run: that the target makes for one answer: 1, but of an app it is seen when it runs.
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
    calls_per_run: int = 1

    def target_of(self, gateway: JobGateway, renderer: Renderer) -> Target:
        """What the job evaluates."""
        if self.config.app is not None:
            return AppTarget(gateway, self.config.app.uri)
        return self.model_target(gateway, self.target.uri, renderer)

    def model_target(self, model: LanguageModel, uri: str, renderer: Renderer) -> ModelTarget:
        """The prompts asked of a model, with the target's parameters."""
        names = [prompt.name for prompt in self.prompts]
        return ModelTarget(model, names, uri, self.target.parameters, renderer)

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
    def calls_per_evaluation(self) -> int:
        """The target's, and one for each judge's answer."""
        return _calls_per_evaluation(self.scorers, self.calls_per_run)

    def with_calls_per_run(self, calls: int) -> Plan:
        """The plan where the target is seen to make so many calls for one answer, as an app may."""
        needed = estimate_search(self.optimizer, self.config, self.splits, self.scorers, calls)
        return replace(self, calls_per_run=calls, needed=needed)


class Planner:
    """Makes plans. The same inputs give the same plan, whatever has become of what they were read from."""

    def __init__(self, make_scorers: MakeScorers, make_optimizer: MakeOptimizer) -> None:
        self.make_scorers = make_scorers
        self.make_optimizer = make_optimizer

    def plan(self, config: JobConfig, inputs: JobInputs, data: JobData | None) -> Plan:
        """Blocks for some seconds where a judge loads MLflow; run it in a thread.

        Raises:
            InvalidInput: this version of Burnish cannot carry these inputs out any more.
        """
        optimizer = self.make_optimizer(config.optimizer_type, inputs.optimizer_settings)
        scorers = self._scorers(inputs)
        if data is not None and not any(entry.scorer.compares_json for entry in scorers):
            data = replace(data, examples=tuple(map(_with_alternatives, data.examples)))
        splits = _splits(data)
        dataset = None
        if data is not None and inputs.dataset is not None:
            dataset = Dataset(inputs.dataset.name, data.examples, inputs.dataset.dataset_id)
        teacher = None
        if inputs.teacher_prompt is not None and inputs.teacher is not None:
            teacher = (inputs.teacher_prompt, TargetModel.of(inputs.teacher))
        return Plan(
            config=config,
            prompts=inputs.prompts,
            dataset=dataset,
            splits=splits,
            scorers=scorers,
            optimizer=optimizer,
            target=TargetModel.of(inputs.target),
            reflection=TargetModel.of(inputs.reflection) if inputs.reflection else None,
            teacher=teacher,
            needed=estimate_search(optimizer, config, splits, scorers),
            warnings=inputs.warnings,
        )

    def _scorers(self, inputs: JobInputs) -> tuple[WeightedScorer, ...]:
        registered = {ScorerSpec.parse(entry.spec).name: entry.registered for entry in inputs.scorers}
        return self.make_scorers(
            [entry.spec for entry in inputs.scorers],
            experiment_id="",
            judge_model=inputs.judge_model,
            find_registered=lambda _, name: registered.get(name),
        )


def estimate_search(
    optimizer: Optimizer,
    config: JobConfig,
    splits: Splits,
    scorers: Sequence[WeightedScorer],
    calls_per_run: int = 1,
) -> CallEstimate:
    """What the search will ask for within what the budget leaves when the sealed test has its answers.

    Args:
        calls_per_run: that the target makes for one answer; more than one only where it is an app.
    """
    limit = config.budget.max_calls
    if limit is not None:
        limit = max(0, limit // _calls_per_evaluation(scorers, calls_per_run) - 2 * len(splits.test))
    return optimizer.estimate(len(splits.train), len(splits.validation), limit)


def _calls_per_evaluation(scorers: Sequence[WeightedScorer], calls_per_run: int) -> int:
    return calls_per_run + sum(entry.scorer.calls for entry in scorers)


def _with_alternatives(example: Example) -> Example:
    return replace(example, alternatives=True) if isinstance(example.expected, list) else example


def _splits(data: JobData | None) -> Splits:
    if data is None:
        return Splits(train=(), validation=(), test=())
    train, validation, test = (
        tuple(data.examples[position] for position in positions)
        for positions in (data.train, data.validation, data.test)
    )
    return Splits(train=train, validation=validation, test=test)

"""What a request names, read once: prompts, records, scorers and models become the job's own inputs.

This is the only place where the name of a prompt, a dataset or a judge is looked up for a job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from burnish.domain.app import App
from burnish.domain.dataset import Dataset
from burnish.domain.inputs import DatasetSummary, JobData, JobInputs, ScorerDefinition
from burnish.domain.job import JobConfig
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.prompt import Prompt, Template, check_template, is_jinja
from burnish.domain.rendering import JinjaNames, PlainRenderer, Renderer
from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput, NotFound, OutsideFailure, Problem, Problems
from burnish.evaluation.judges.catalog import default_judge_model
from burnish.evaluation.scorer import WeightedScorer
from burnish.evaluation.scorers.expectations import check_expectations
from burnish.evaluation.splits import Splits, check_fractions, split, workable
from burnish.llm.protocol import Parameters
from burnish.optimizers.protocol import NO_WORKED_EXAMPLES, Optimizer, scored_prompt
from burnish.planning.checks import check_budget, check_records, contradictions, unfilled_placeholders
from burnish.planning.input_mapping import map_inputs
from burnish.planning.models import Models
from burnish.planning.plan import Plan, Planner, TargetModel, estimate_search
from burnish.planning.teacher import find_teacher
from burnish.tracking.protocol import Tracker

_WITHOUT_DATA = ", ".join(kind for kind in OptimizerType if not kind.info.needs_data)
_UNMEASURED = (
    "no scorer is named, so nothing is measured: the prompt is rewritten once, with the records as examples"
)
_PACKAGES = ("burnish", "gepa", "mlflow", "optuna")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a request came to.

    Attributes:
        data: ``None`` for a job without a dataset.
        plan: made from the inputs, as every attempt will make it.
    """

    inputs: JobInputs
    data: JobData | None
    plan: Plan


CompleteSettings = Callable[[OptimizerType, Mapping[str, Any]], Mapping[str, Any]]
"""An optimizer's settings with every default filled in; raises InvalidInput."""


CheckApp = Callable[[App], None]
"""Raises InvalidInput where an app at a URL may not be asked from here."""


class Resolver:
    """Reads and checks what a request names. Collects every problem instead of stopping at the first.

    Args:
        judge_model: URI of the model for judges that name none.
        check_app: whether an app may be asked.
        renderer: fills the prompts in; tells what Jinja templates take from a record.
    """

    def __init__(
        self,
        tracker: Tracker,
        models: Models,
        planner: Planner,
        complete_settings: CompleteSettings,
        judge_model: str | None = None,
        check_app: CheckApp = lambda app: None,
        renderer: Renderer | None = None,
    ) -> None:
        self._tracker = tracker
        self._models = models
        self._planner = planner
        self._complete_settings = complete_settings
        self._judge_model = judge_model
        self._check_app = check_app
        self._renderer = renderer or PlainRenderer()

    async def resolve(
        self, experiment_id: str, config: JobConfig, found: Sequence[Problem] = ()
    ) -> Resolution:
        """Read what the configuration names, and check it.

        Args:
            found: what is wrong with the request already; it is refused, with all that is found besides.

        Raises:
            InvalidInput: one error with all problems of the request.
            TrackingUnavailable: the prompts or the dataset cannot be read now.
        """
        try:
            return await asyncio.to_thread(self._read_and_check, experiment_id, config, Problems(found))
        except OutsideFailure:
            if found:  # wrong whether MLflow answers or not
                raise InvalidInput(*found) from None
            raise

    async def check_again(
        self,
        experiment_id: str,
        config: JobConfig,
        inputs: JobInputs,
        data: JobData | None,
        found: Sequence[Problem] = (),
    ) -> None:
        """Check a job that is to run on another one's inputs.

        Args:
            found: what is wrong with the request already.

        Raises:
            InvalidInput: one error with all problems of the request.
            TrackingUnavailable: whether the experiment is there cannot be asked now.
        """
        await asyncio.to_thread(self._check_again, experiment_id, config, inputs, data, Problems(found))

    def _check_again(
        self,
        experiment_id: str,
        config: JobConfig,
        inputs: JobInputs,
        data: JobData | None,
        problems: Problems,
    ) -> None:
        self._check_experiment(experiment_id, problems)
        problems.extend(config.problems())
        if config.app is None:
            self._jinja_names(inputs.prompts, problems)
        if config.budget.max_usd is not None:
            names = inputs.summary
            asked = None if config.app else names.model
            models = (asked, names.reflection_model, names.teacher_model, *names.judge_models)
            self._check_prices([model for model in models if model], problems)
        if config.budget.max_calls is not None:
            problems.collect(lambda: check_budget(self._planner.plan(config, inputs, data)))
        problems.check()

    async def check(
        self, config: JobConfig, prompts: Sequence[Prompt], dataset: Dataset | None
    ) -> Resolution:
        """The same for prompts and data that are at hand (files that are not in MLflow yet).

        Raises:
            InvalidInput: one error with all problems of the request.
        """
        return await asyncio.to_thread(self._check, "", config, tuple(prompts), dataset, Problems())

    def _read_and_check(self, experiment_id: str, config: JobConfig, problems: Problems) -> Resolution:
        self._check_experiment(experiment_id, problems)
        if config.app is not None and config.app.function is not None:
            remedy = "only burnish.optimize_prompts makes such jobs, in the process that has the function"
            problems.add("config.app.function", config.app.function, remedy)
        prompts = self._prompts(config, problems)
        dataset = self._dataset(config, problems)
        return self._check(experiment_id, config, prompts, dataset, problems)

    def _check_experiment(self, experiment_id: str, problems: Problems) -> None:
        if not experiment_id:
            problems.add("experiment_id", "", "is required: name the experiment the run belongs to")
        elif not self._tracker.experiment_exists(experiment_id):
            problems.add("experiment_id", experiment_id, "there is no such active experiment in MLflow")

    def _check(
        self,
        experiment_id: str,
        config: JobConfig,
        prompts: tuple[Prompt, ...],
        dataset: Dataset | None,
        problems: Problems,
    ) -> Resolution:
        problems.extend(config.problems())
        names = [prompt.name for prompt in prompts]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("source_prompt_uri", name, "the same prompt is named twice")
        for prompt in prompts:
            problems.collect(partial(check_template, prompt.template))
        registered = _RegisteredScorers(self._tracker)
        scorers = problems.collect(lambda: self._scorers(config, experiment_id, registered)) or ()
        optimizer = problems.collect(
            lambda: self._planner.make_optimizer(config.optimizer_type, config.optimizer_settings)
        )
        target, reflection = self._models_of(config, prompts, optimizer, problems)
        teacher, answers = find_teacher(
            config, self._tracker, self._models, problems, has_data=bool(config.dataset_id or dataset)
        )
        dataset = dataset or answers
        filled = () if config.app else prompts  # an app fills in what it likes
        taught = (teacher.prompt,) if teacher else ()
        taken = self._jinja_names((*filled, *taught), problems)
        judges = self._judge_models(scorers, problems)
        asked = None if config.app else target  # what an app's own models cost is seen when it runs
        if asked is not None:
            self._check_cost_scorers(scorers, asked, problems)
        if config.budget.max_usd is not None:
            models = [model.uri for model in (asked, reflection, teacher and teacher.model) if model]
            self._check_prices([*models, *judges], problems)
        splits = Splits(train=(), validation=(), test=())
        if dataset is not None:
            if not config.scorers and config.optimizer_type.info.needs_data:
                problems.add("scorers", "", "name at least one scorer, for example exact_match")
            mapped = problems.collect(partial(map_inputs, dataset, config.inputs, (*filled, *taught)))
            if mapped is not None:
                dataset = mapped
                problems.collect(partial(check_records, filled, dataset, taken))
                if teacher is not None:
                    problems.collect(partial(check_records, taught, dataset, taken))
                if not problems:
                    self._try_jinja((*filled, *taught), dataset, problems)
            labelled = ("expected_response",) if teacher else ()
            problems.collect(partial(check_expectations, scorers, dataset, given=labelled))
            if config.scorers:
                dataset = workable(dataset)
                splits = problems.collect(partial(split, dataset, config.fractions, config.seed)) or splits
            else:
                splits = Splits(train=dataset.examples, validation=(), test=(), warnings=(_UNMEASURED,))
        else:
            problems.collect(lambda: check_fractions(config.fractions))
        if config.app is not None and optimizer is not None and optimizer.only_demonstrates:
            texts = {prompt.name: prompt.template for prompt in prompts}
            if scored_prompt(texts, splits.train) is None:
                problems.add("optimizer_type", config.optimizer_type.cli_name, NO_WORKED_EXAMPLES)
        if problems or optimizer is None or target is None:
            raise problems.error()
        needed = estimate_search(optimizer, config, splits, scorers)
        inputs = JobInputs(
            prompts=prompts,
            target=target.resolved(),
            reflection=reflection.resolved() if reflection else None,
            teacher_prompt=teacher.prompt if teacher else None,
            teacher=teacher.resolved if teacher else None,
            scorers=tuple(
                ScorerDefinition(
                    name=entry.scorer.name,
                    spec=spec,
                    model=entry.scorer.model,
                    registered=registered.found.get(ScorerSpec.parse(spec).name),
                )
                for spec, entry in zip(config.scorers, scorers, strict=True)
            ),
            judge_model=self._pinned_judge_model(scorers),
            optimizer_settings=self._complete_settings(config.optimizer_type, config.optimizer_settings),
            dataset=_summary(dataset, splits) if dataset else None,
            versions=_versions(),
            warnings=(
                *(teacher.warnings if teacher else ()),
                *splits.warnings,
                *_default_reflection_warning(config, reflection),
                *needed.warnings,
                *(() if config.app else unfilled_placeholders(prompts, dataset, taken)),
                *contradictions(dataset),
                *(entry.warning for entry in scorers if entry.warning),
            ),
        )
        data = _positions(dataset, splits) if dataset else None
        plan = self._planner.plan(config, inputs, data)
        check_budget(plan)
        return Resolution(inputs, data, plan)

    def _scorers(
        self, config: JobConfig, experiment_id: str, registered: _RegisteredScorers
    ) -> tuple[WeightedScorer, ...]:
        return self._planner.make_scorers(
            config.scorers,
            experiment_id=experiment_id or None,
            judge_model=self._judge_model,
            find_registered=registered.find,
        )

    def _pinned_judge_model(self, scorers: Sequence[WeightedScorer]) -> str | None:
        """MLflow's default is kept with the job: another version or machine might have another."""
        if self._judge_model is None and any(entry.scorer.model for entry in scorers):
            return default_judge_model()
        return self._judge_model

    def _prompts(self, config: JobConfig, problems: Problems) -> tuple[Prompt, ...]:
        if not config.source_prompt_uris:
            problems.add(
                "source_prompt_uri",
                "",
                "is required: name the prompt version to optimize, prompts:/NAME/VERSION",
            )
        return read_prompts(self._tracker, config.source_prompt_uris, "source_prompt_uri", problems)

    def _dataset(self, config: JobConfig, problems: Problems) -> Dataset | None:
        if not config.dataset_id:
            if config.optimizer_type is OptimizerType.DISTILLATION:
                return None  # its data may be what the teacher has answered
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
        if config.app is not None:
            target = TargetModel(config.app.uri, Parameters())
            if config.app.url:
                problems.collect(partial(self._check_app, config.app))
            if config.model:
                problems.add("model", config.model, "an app asks its own models; leave this out")
        elif prompts or config.model:
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
            found = problems.collect(
                lambda: self._models.resolve(str(reflection_uri), {}, None), "config.reflection_model"
            )
            reflection = TargetModel(*found) if found else None
        elif config.optimizer_type is OptimizerType.METAPROMPT:
            reflection = self._default_reflection(problems)
        elif optimizer is not None and optimizer.needs_reflection:
            problems.add(
                "config.reflection_model",
                "",
                f"{config.optimizer_type} writes its proposals with one; name it, such as openai:/gpt-4o",
            )
        return target, reflection

    def _default_reflection(self, problems: Problems) -> TargetModel | None:
        """MLflow's default model, as it would take it."""
        found = problems.collect(
            lambda: self._models.resolve(default_judge_model(), {}, None), "config.reflection_model"
        )
        return TargetModel(*found) if found else None

    def _jinja_names(self, prompts: Sequence[Prompt], problems: Problems) -> Mapping[Template, JinjaNames]:
        """What each Jinja template takes from a record; templates that cannot be read are left out."""
        found = {}
        for template in [prompt.template for prompt in prompts if is_jinja(prompt.template)]:
            names = problems.collect(partial(self._renderer.names, template))
            if names is not None:
                found[template] = names
        return found

    def _try_jinja(self, prompts: Sequence[Prompt], dataset: Dataset, problems: Problems) -> None:
        """Whatever is wrong with a template itself shows at the first record, before anything is paid."""
        for prompt in prompts:
            if is_jinja(prompt.template):
                inputs = dataset.examples[0].inputs
                problems.collect(partial(self._renderer.render_now, prompt.template, inputs))

    def _judge_models(self, scorers: Sequence[WeightedScorer], problems: Problems) -> list[str]:
        found = []
        for entry in scorers:
            uri = entry.scorer.model
            if uri and problems.collect(partial(self._models.resolve, uri, {}, None), "scorers"):
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


class _RegisteredScorers:
    """Looks registered scorers up and remembers those it found."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.found: dict[str, Mapping[str, Any]] = {}

    def find(self, experiment_id: str, name: str) -> Mapping[str, Any] | None:
        definition = self._tracker.find_scorer(experiment_id, name)
        if definition is not None:
            self.found[name] = definition
        return definition


def _default_reflection_warning(config: JobConfig, reflection: TargetModel | None) -> tuple[str, ...]:
    if reflection is None or config.reflection_model or config.optimizer_config.get("reflection_model"):
        return ()
    return (
        f"no reflection model is named: MLflow's default, {reflection.uri}, writes the proposals; to choose "
        "another set reflection_model",
    )


def _summary(dataset: Dataset, splits: Splits) -> DatasetSummary:
    return DatasetSummary(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        digest=dataset.digest,
        train=len(splits.train),
        validation=len(splits.validation),
        test=len(splits.test),
    )


def _positions(dataset: Dataset, splits: Splits) -> JobData:
    position_of = {example.example_id: position for position, example in enumerate(dataset.examples)}
    train, validation, test = (
        tuple(position_of[example.example_id] for example in part)
        for part in (splits.train, splits.validation, splits.test)
    )
    return JobData(examples=dataset.examples, train=train, validation=validation, test=test)


@cache
def _versions() -> Mapping[str, str]:
    """Of the packages whose code decides what a job does; one that is not installed is left out."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def read_prompts(tracker: Tracker, uris: Iterable[str], field: str, problems: Problems) -> tuple[Prompt, ...]:
    """The prompt versions that are there.

    Args:
        field: of the request, for what is wrong with them.
        problems: gets it.
    """
    prompts = []
    for uri in uris:
        try:
            prompts.append(tracker.prompt(uri))
        except NotFound:
            problems.add(field, uri, "there is no such prompt version in the registry")
        except InvalidInput as error:
            problems.extend(
                replace(problem, field=field) if problem.field == "prompt" else problem
                for problem in error.problems
            )
    return tuple(prompts)

"""Whom a distillation learns from: a teacher that is asked, or what its prompt has answered already."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.domain.dataset import Dataset
from burnish.domain.inputs import ResolvedModel
from burnish.domain.job import JobConfig, OptimizerType
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput, NotFound, Problems
from burnish.planning.models import Models
from burnish.planning.plan import TargetModel
from burnish.tracking.protocol import Tracker

_FIELD = "optimizer_config.teacher_prompt_uri"


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher that was found.

    Attributes:
        model: ``None`` where nobody is asked, because the records hold the teacher's answers.
        warnings: what a user should know of them.
    """

    prompt: Prompt
    model: TargetModel | None
    warnings: tuple[str, ...] = ()

    @property
    def resolved(self) -> ResolvedModel | None:
        return self.model.resolved() if self.model else None


def find_teacher(
    config: JobConfig, tracker: Tracker, models: Models, problems: Problems, *, has_data: bool
) -> tuple[Teacher | None, Dataset | None]:
    """The teacher that a configuration names, and its answers where they are the job's data.

    An optimizer that needs a teacher says so among its settings.

    Args:
        has_data: whether the job has records of its own, which the teacher is to answer.

    Raises:
        TrackingUnavailable
    """
    uri = config.optimizer_settings.get("teacher_prompt_uri")
    if not uri:
        return None, None
    try:
        prompt = tracker.prompt(str(uri))
    except NotFound:
        problems.add(_FIELD, str(uri), "there is no such prompt version")
        return None, None
    except InvalidInput as error:
        problems.extend(error.problems)
        return None, None
    if has_data or config.optimizer_type is not OptimizerType.DISTILLATION:
        return _asked(config, models, prompt, problems), None
    return _recorded(tracker, prompt, problems)


def _asked(config: JobConfig, models: Models, prompt: Prompt, problems: Problems) -> Teacher | None:
    model = config.optimizer_config.get("teacher_model")
    found = problems.collect(
        lambda: models.resolve(
            str(model) if model else None if prompt.model_config else config.model,
            prompt.model_config,
            prompt.response_format,
        ),
        "optimizer_config.teacher_model" if model else "model",
    )
    return Teacher(prompt, TargetModel(*found)) if found else None


def _recorded(tracker: Tracker, prompt: Prompt, problems: Problems) -> tuple[Teacher | None, Dataset | None]:
    linked = tracker.linked_traces(prompt)
    dataset, left_out = linked.dataset, linked.left_out
    if not dataset.examples:
        remedy = "no trace that is linked to the teacher prompt holds its variables and an answer"
        problems.add("dataset_id", "", f"{remedy} ({left_out} looked at); name a dataset")
        return None, None
    warnings = [
        f"the data are {len(dataset.examples)} traces linked to {prompt.uri}; the teacher's answers are "
        "taken from them, and it is not asked again"
    ]
    if left_out:
        warnings.append(f"{left_out} linked traces hold no values for the prompt's variables, or no answer")
    return Teacher(prompt, None, tuple(warnings)), dataset

"""What a job was given, resolved when it was submitted. Every attempt runs on this and on nothing else.

Named things change: an alias moves, a dataset grows, a judge is rewritten, a default gets another value.
So a job keeps what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.domain.dataset import Example
from burnish.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model, and how it is asked.

    Attributes:
        parameters: the fields of ``llm.protocol.Parameters``; no keys, those are the worker's own.
    """

    uri: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerDefinition:
    """A scorer as it was.

    Attributes:
        name: as in the results.
        spec: as the user wrote it.
        model: URI of the model it asks; ``None`` where it asks none.
        registered: a registered judge in MLflow's serialized form; ``None`` for every other scorer.
    """

    name: str
    spec: str
    model: str | None = None
    registered: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """A dataset without its records.

    Attributes:
        digest: of its examples and expectations, as on the MLflow run.
        train, validation, test: examples in each split.
    """

    dataset_id: str | None
    name: str
    digest: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSummary:
    """What a job runs on, by name; small enough to stand in the job itself."""

    source_prompt_uris: tuple[str, ...]
    model: str
    reflection_model: str | None = None
    teacher_model: str | None = None
    judge_models: tuple[str, ...] = ()
    dataset: DatasetSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInputs:
    """Everything a job was given but the records, see :class:`JobData`.

    Attributes:
        prompts: in the order of ``JobConfig.source_prompt_uris``, each with the URI of its version.
        teacher_prompt, teacher: of a distillation.
        judge_model: URI of the model for judges that name none.
        optimizer_settings: the request's, with every default filled in.
        versions: package → version that resolved these inputs.
        warnings: what a user should know before paying.
    """

    prompts: tuple[Prompt, ...]
    target: ResolvedModel
    reflection: ResolvedModel | None = None
    teacher_prompt: Prompt | None = None
    teacher: ResolvedModel | None = None
    scorers: tuple[ScorerDefinition, ...] = ()
    judge_model: str | None = None
    optimizer_settings: Mapping[str, Any] = field(default_factory=dict)
    dataset: DatasetSummary | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> InputSummary:
        judges = (scorer.model for scorer in self.scorers if scorer.model)
        return InputSummary(
            source_prompt_uris=tuple(prompt.uri or prompt.name for prompt in self.prompts),
            model=self.target.uri,
            reflection_model=self.reflection.uri if self.reflection else None,
            teacher_model=self.teacher.uri if self.teacher else None,
            judge_models=tuple(dict.fromkeys(judges)),
            dataset=self.dataset,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobData:
    """A job's records and which split each is in.

    Attributes:
        examples: in the order of the dataset.
        train, validation, test: positions in ``examples``, from 0, in the order the search takes them.
    """

    examples: tuple[Example, ...]
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...] = ()

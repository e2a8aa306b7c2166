"""Which judges there are: MLflow's built-in ones by class name, and those registered in an experiment.

A registered scorer is read as data. MLflow would execute the source of a registered ``@scorer``
function while loading it; here such a scorer is refused before MLflow sees it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput
from burnish.evaluation.judges.judge import Judge
from burnish.evaluation.judges.mlflow_adapter import UNSERVABLE_MODEL, import_mlflow_scorers

FindRegistered = Callable[[str, str], Mapping[str, Any] | None]
"""``(experiment_id, name)`` → the latest registered scorer of that name in MLflow's serialized form."""

_MOST_REPEATS = 20
_GIVEN = frozenset({"inputs", "outputs", "expectations"})
_YES_NO = frozenset({"yes", "no"})
_MODEL_URI = re.compile(r"[A-Za-z][\w-]*:/\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSource:
    """Where judges come from.

    Attributes:
        default_model: URI of the model for judges that name none; ``None``: they have to.
        experiment_id: where registered judges are looked for.
        find_registered: ``None``: there are none.
    """

    default_model: str | None = None
    experiment_id: str | None = None
    find_registered: FindRegistered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A judge's argument: ``repeats=3,model=openai:/gpt-4o-mini,guidelines=...`` (all may be left out).

    ``guidelines`` comes last, its text may contain commas.
    """

    repeats: int = 1
    model: str | None = None
    guidelines: str | None = None

    @classmethod
    def parse(cls, spec: ScorerSpec) -> Options:
        """
        Raises:
            InvalidInput: another option, or a value that cannot be used.
        """
        rest, found = spec.argument or "", dict[str, str]()
        while rest.strip():
            match = re.match(r"\s*(guidelines)\s*=(.*)|\s*(repeats|model)\s*=([^,]*),?", rest, re.DOTALL)
            name = match and (match[1] or match[3])
            if not match or not name or name in found:
                raise InvalidInput.of(
                    "scorers",
                    spec,
                    "a judge's options are repeats=N, model=URI and guidelines=TEXT, once each",
                )
            found[name] = (match[2] or match[4] or "").strip()
            rest = rest[match.end() :]
        repeats = found.get("repeats", "1")
        if not (repeats.isascii() and repeats.isdigit() and 0 < int(repeats) <= _MOST_REPEATS):
            raise InvalidInput.of(
                "scorers", spec, f"repeats must be a whole number from 1 to {_MOST_REPEATS}"
            )
        return cls(repeats=int(repeats), model=found.get("model"), guidelines=found.get("guidelines"))


def make_judge(spec: ScorerSpec, name: str, source: JudgeSource) -> Judge | None:
    """The judge a user names, or ``None`` when MLflow has none of that name.

    Raises:
        InvalidInput: it cannot judge an answer here, or lacks a model; an option cannot be used.
    """
    found = _built_in(spec) or _registered(spec, source)
    if found is None:
        return None
    judge, stored_model = found
    options = Options.parse(spec)
    if refusal := _refusal(judge):
        raise InvalidInput.of("scorers", spec, refusal)
    model = options.model or stored_model or source.default_model
    if model is None:
        raise InvalidInput.of(
            "scorers", spec, f"name the model that judges: {spec.name}:model=openai:/gpt-4o-mini"
        )
    if not _MODEL_URI.fullmatch(model):
        raise InvalidInput.of("scorers", spec, f"the judge's model {model!r} is not PROVIDER:/NAME")
    return Judge(name, judge, model, options.repeats)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeInfo:
    """One of MLflow's scorers, for people who choose.

    Attributes:
        takes_guidelines: it is written ``NAME:guidelines=TEXT``.
        requires: expectations that each record must have.
        asks_model: whether each answer costs a call.
    """

    name: str
    description: str
    takes_guidelines: bool
    requires: tuple[str, ...]
    asks_model: bool


def built_in_judges() -> tuple[JudgeInfo, ...]:
    """MLflow's scorers that can judge an answer (no traces, no conversations), by class name."""
    found = []
    for name, kind in sorted(_scorer_classes().items()):
        try:
            judge = _construct(kind, "any")
        except ValueError:  # pydantic's: it cannot be made without arguments
            continue
        if _refusal(judge) is None:
            columns = sorted(getattr(judge, "required_columns", ()))
            found.append(
                JudgeInfo(
                    name=name,
                    description=getattr(judge, "description", None) or "",
                    takes_guidelines=_takes_guidelines(kind),
                    requires=tuple(
                        column.partition("/")[2] for column in columns if column.startswith("expectations/")
                    ),
                    asks_model="model" in kind.model_fields,
                )
            )
    return tuple(found)


def built_in_names() -> tuple[str, ...]:
    """Their names."""
    return tuple(judge.name for judge in built_in_judges())


def _built_in(spec: ScorerSpec) -> tuple[Any, None] | None:
    kind = _scorer_classes().get(spec.name)
    if kind is None:
        return None
    guidelines = Options.parse(spec).guidelines
    if guidelines is None and _takes_guidelines(kind):
        raise InvalidInput.of("scorers", spec, f"write {spec.name}:guidelines=TEXT")
    if guidelines is not None and not _takes_guidelines(kind):
        raise InvalidInput.of("scorers", spec, f"{spec.name} takes no guidelines")
    try:
        return _construct(kind, guidelines), None
    except ValueError:
        raise InvalidInput.of(
            "scorers", spec, "cannot be made from its name alone; register it in MLflow and name that"
        ) from None


def _registered(spec: ScorerSpec, source: JudgeSource) -> tuple[Any, str | None] | None:
    if source.find_registered is None or source.experiment_id is None:
        return None
    serialized = source.find_registered(source.experiment_id, spec.name)
    if serialized is None:
        return None
    if Options.parse(spec).guidelines is not None:
        raise InvalidInput.of(
            "scorers", spec, "a registered judge has its instructions; leave guidelines out"
        )
    built_in = serialized.get("builtin_scorer_class")
    key = "builtin_scorer_pydantic_data" if built_in else "instructions_judge_pydantic_data"
    data = serialized.get(key)
    if not isinstance(data, Mapping) or (built_in and built_in not in _scorer_classes()):
        raise InvalidInput.of(
            "scorers",
            spec,
            "is registered, but is neither a built-in judge nor one of make_judge; code is not taken from "
            "the registry: the operator can install it as an entry point of burnish.scorers",
        )
    from mlflow.exceptions import MlflowException
    from mlflow.genai.scorers import Scorer

    rerouted = {**data, "model": UNSERVABLE_MODEL} if "model" in data else dict(data)
    try:
        judge = Scorer.model_validate({**serialized, key: rerouted})
    except (MlflowException, ValueError, TypeError) as error:
        raise InvalidInput.of("scorers", spec, f"MLflow cannot load it: {error}") from None
    stored = data.get("model")
    return judge, str(stored) if stored else None


def _scorer_classes() -> dict[str, Any]:
    """MLflow's concrete built-in scorers by class name."""
    module = import_mlflow_scorers()
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and inspect.isclass(value)
        and issubclass(value, module.BuiltInScorer)
        and not inspect.isabstract(value)
    }


def _construct(kind: Any, guidelines: str | None) -> Any:
    given: dict[str, Any] = {"model": UNSERVABLE_MODEL} if "model" in kind.model_fields else {}
    if guidelines is not None and _takes_guidelines(kind):
        given["guidelines"] = guidelines
    return kind(**given)


def _takes_guidelines(kind: Any) -> bool:
    return "guidelines" in kind.model_fields


def _refusal(judge: Any) -> str | None:
    """Why a scorer of MLflow's cannot score an answer here, or ``None``."""
    wants = {field.name for field in judge.get_input_fields()}
    if judge.is_session_level_scorer or not wants <= _GIVEN:
        return "judges traces or conversations; a prompt's answer has neither"
    declared = judge.feedback_value_type
    if get_origin(declared) is Literal:
        usable = all(value in _YES_NO or isinstance(value, (int, float)) for value in get_args(declared))
    else:
        usable = declared in (bool, int, float, str)  # text may be yes or no; its first answer shows
    if usable:
        return None
    return (
        f"gives feedback of type {declared}, which is no score; "
        "make the judge with feedback_value_type=bool, or a number, or Literal['yes', 'no']"
    )

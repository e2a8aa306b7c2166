"""Which judges there are: MLflow's built-in ones by class name, and those registered in an experiment.

A registered scorer is read as data. MLflow would execute the source of a registered ``@scorer``
function while loading it; here such a scorer is refused before MLflow sees it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin

from burnish.domain.score import UNIT, ScoreRange, ScorerSpec, is_no_opinion
from burnish.errors import InvalidInput
from burnish.evaluation.judges.ensemble import COMBINATIONS, Ensemble
from burnish.evaluation.judges.judge import Judge
from burnish.evaluation.judges.mlflow_adapter import UNSERVABLE_MODEL, import_mlflow_scorers
from burnish.evaluation.judges.pattern import PatternMatch
from burnish.evaluation.scorer import Scorer

FindRegistered = Callable[[str, str], Mapping[str, Any] | None]
"""``(experiment_id, name)`` → the latest registered scorer of that name in MLflow's serialized form."""

DEFAULT_MODEL_VARIABLE = "MLFLOW_GENAI_JUDGE_DEFAULT_MODEL"

_MOST_REPEATS = 20
_GIVEN = frozenset({"inputs", "outputs", "expectations"})
_MODEL_URI = re.compile(r"[A-Za-z][\w-]*:/\S+")
_OPTION = re.compile(r"\s*(guidelines)\s*=(.*)|\s*(repeats|model|range)\s*=([^,]*),?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSource:
    """Where judges come from.

    Attributes:
        default_model: URI of the model for judges that name none; ``None``: MLflow's default.
        experiment_id: where registered judges are looked for.
        find_registered: ``None``: there are none.
    """

    default_model: str | None = None
    experiment_id: str | None = None
    find_registered: FindRegistered | None = None

    def registered(self, name: str) -> Mapping[str, Any] | None:
        """The registered scorer of that name in MLflow's serialized form."""
        if self.find_registered is None or self.experiment_id is None:
            return None
        return self.find_registered(self.experiment_id, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A judge's argument: ``1-5,repeats=3,model=openai:/gpt-4o-mini,guidelines=...`` (all may be left out).

    ``guidelines`` comes last, its text may contain commas. ``range=1-5`` is the same as ``1-5``.
    """

    repeats: int = 1
    model: str | None = None
    range: ScoreRange | None = None
    guidelines: str | None = None

    @classmethod
    def parse(cls, spec: ScorerSpec) -> Options:
        """
        Raises:
            InvalidInput: another option, or a value that cannot be used.
        """
        first, _, rest = (spec.argument or "").partition(",")
        found = dict[str, str]()
        if ScoreRange.find(first):
            found["range"] = first
        else:
            rest = spec.argument or ""
        while rest.strip():
            match = _OPTION.match(rest)
            name = match and (match[1] or match[3])
            if not match or not name or name in found:
                raise InvalidInput.of(
                    "scorers",
                    spec,
                    "a judge's options are range=WORST-BEST, repeats=N, model=URI and guidelines=TEXT, once "
                    "each",
                )
            found[name] = (match[2] or match[4] or "").strip()
            rest = rest[match.end() :]
        repeats, range_text = found.get("repeats", "1"), found.get("range")
        if not (repeats.isascii() and repeats.isdigit() and 0 < int(repeats) <= _MOST_REPEATS):
            raise InvalidInput.of(
                "scorers", spec, f"repeats must be a whole number from 1 to {_MOST_REPEATS}"
            )
        span = ScoreRange.find(range_text) if range_text is not None else None
        if range_text is not None and span is None:
            raise InvalidInput.of("scorers", spec, "a range is two numbers, the worst first, such as 1-5")
        return cls(
            repeats=int(repeats), model=found.get("model"), range=span, guidelines=found.get("guidelines")
        )


def make_built_in(spec: ScorerSpec, source: JudgeSource) -> tuple[Scorer, str | None] | None:
    """MLflow's scorer of that class name, with a warning; ``None`` when MLflow has none.

    Raises:
        InvalidInput: it cannot judge an answer here; an option cannot be used.
    """
    kind = _scorer_classes().get(spec.name)
    if kind is None:
        return None
    guidelines = Options.parse(spec).guidelines
    if guidelines is None and _takes_guidelines(kind):
        raise InvalidInput.of("scorers", spec, f"write {spec.name}:guidelines=TEXT")
    if guidelines is not None and not _takes_guidelines(kind):
        raise InvalidInput.of("scorers", spec, f"{spec.name} takes no guidelines")
    try:
        judge = _construct(kind, guidelines)
    except ValueError:
        raise InvalidInput.of(
            "scorers", spec, "cannot be made from its name alone; register it in MLflow and name that"
        ) from None
    return _scorer_of(spec, judge, None, source)


def make_registered(
    spec: ScorerSpec, serialized: Mapping[str, Any], source: JudgeSource
) -> tuple[Scorer, str | None]:
    """A scorer registered in the experiment, with a warning.

    Raises:
        InvalidInput: it is code, cannot be loaded, or cannot judge an answer here.
    """
    if Options.parse(spec).guidelines is not None:
        raise InvalidInput.of(
            "scorers", spec, "a registered judge has its instructions; leave guidelines out"
        )
    if isinstance(ensemble := serialized.get("ensemble_scorer_data"), Mapping):
        return _make_ensemble(spec, ensemble, source)
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
    from mlflow.genai.scorers import Scorer as MlflowScorer

    rerouted = {**data, "model": UNSERVABLE_MODEL} if "model" in data else dict(data)
    try:
        judge = MlflowScorer.model_validate({**serialized, key: rerouted})
    except (MlflowException, ValueError, TypeError) as error:
        raise InvalidInput.of("scorers", spec, f"MLflow cannot load it: {error}") from None
    stored = data.get("model")
    return _scorer_of(spec, judge, str(stored) if stored else None, source)


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
        if _refusal(judge, None) is None:
            columns = sorted(getattr(judge, "required_columns", ()))
            found.append(
                JudgeInfo(
                    name=name,
                    description=getattr(judge, "description", None) or "",
                    takes_guidelines=_takes_guidelines(kind),
                    requires=tuple(
                        column.partition("/")[2] for column in columns if column.startswith("expectations/")
                    ),
                    asks_model=_asks_a_model(judge),
                )
            )
    return tuple(found)


def built_in_names() -> tuple[str, ...]:
    """Their names."""
    return tuple(judge.name for judge in built_in_judges())


def default_judge_model() -> str:
    """URI of the model that MLflow's judges ask when nobody names one."""
    from mlflow.genai.judges.utils import get_default_model

    return os.environ.get(DEFAULT_MODEL_VARIABLE) or str(get_default_model())  # 3.9 does not know it


def _make_ensemble(
    spec: ScorerSpec, data: Mapping[str, Any], source: JudgeSource
) -> tuple[Scorer, str | None]:
    """The options of the spec are those of every part."""
    combination, serialized = data.get("ensemble_fn"), data.get("scorers")
    if combination not in COMBINATIONS or not isinstance(serialized, list) or not serialized:
        raise InvalidInput.of("scorers", spec, f"is an ensemble of a kind that is not known: {combination}")
    made = [make_registered(replace(spec, name=str(part.get("name"))), part, source) for part in serialized]
    parts = [part for part, _ in made]
    if len(models := sorted({part.model for part in parts if part.model})) > 1:
        raise InvalidInput.of(
            "scorers",
            spec,
            f"its judges ask different models ({', '.join(models)}); name one for all of them: "
            f"{spec.full_name}:model={models[0]}",
        )
    return Ensemble(spec.name, parts, str(combination)), next(
        (warning for _, warning in made if warning), None
    )


def _scorer_of(
    spec: ScorerSpec, judge: Any, stored_model: str | None, source: JudgeSource
) -> tuple[Scorer, str | None]:
    """MLflow's scorer as ours, under its own name."""
    options = Options.parse(spec)
    if refusal := _refusal(judge, options.range):
        raise InvalidInput.of("scorers", spec, refusal)
    if type(judge).__name__ == "RegexMatch":
        return PatternMatch(judge.name, judge), None
    span = options.range or _declared_range(judge)
    if not _asks_a_model(judge):
        return Judge(judge.name, judge, None, range=span), None
    model, warning = options.model or stored_model or source.default_model, None
    if model is None:
        model = default_judge_model()
        warning = (
            f"{spec.full_name} names no model and is judged by MLflow's default, {model}; to choose another "
            f"write {spec.full_name}:model=PROVIDER:/NAME, or set {DEFAULT_MODEL_VARIABLE} or "
            "BURNISH_JUDGE_MODEL"
        )
    if not _MODEL_URI.fullmatch(model):
        raise InvalidInput.of("scorers", spec, f"the judge's model {model!r} is not PROVIDER:/NAME")
    return Judge(judge.name, judge, model, options.repeats, span), warning


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


def _asks_a_model(judge: Any) -> bool:
    """Built-in scorers that work by rule have no field for a model."""
    module = import_mlflow_scorers()
    return not isinstance(judge, module.BuiltInScorer) or "model" in type(judge).model_fields


def _declared_range(judge: Any) -> ScoreRange | None:
    """From the worst to the best number of a ``Literal``; ``None`` where its values are 0 and 1, or none."""
    values = get_args(judge.feedback_value_type) if get_origin(judge.feedback_value_type) is Literal else ()
    if any(map(_is_word, values)):
        return None
    numbers = [float(value) for value in values if not is_no_opinion(value)]
    if not numbers:
        return None
    found = ScoreRange(min(numbers), max(numbers))
    return None if found.worst == found.best or found == UNIT else found


def _refusal(judge: Any, declared_range: ScoreRange | None) -> str | None:
    """Why a scorer of MLflow's cannot score an answer here, or ``None``."""
    wants = {field.name for field in judge.get_input_fields()}
    # MLflow's own look in a trace for retrieved documents or calls of tools.
    given = _GIVEN if isinstance(judge, import_mlflow_scorers().BuiltInScorer) else _GIVEN | {"trace"}
    if judge.is_session_level_scorer or not wants <= given:
        return (
            "judges conversations, or what was retrieved or called on the way; a prompt's answer has neither"
        )
    declared = judge.feedback_value_type
    if declared is int and declared_range is None:
        return (
            "gives whole numbers, and nothing says of what range; write it, the worst first: "
            f"{ScorerSpec(judge.name).full_name}:1-5"
        )
    if get_origin(declared) is Literal:
        values = get_args(declared)
        values = tuple(value for value in values if not is_no_opinion(value))
        usable = bool(values) and (all(map(_is_word, values)) or all(map(_is_number, values)))
    else:
        usable = declared in (bool, int, float, str)  # text may be yes or no; its first answer shows
    if usable:
        return None
    return (
        f"gives feedback of type {declared}, which is no score; "
        "make the judge with feedback_value_type=bool, or a number, or Literal['yes', 'no']"
    )


def _is_word(value: Any) -> bool:
    return isinstance(value, bool) or value in ("yes", "no")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True

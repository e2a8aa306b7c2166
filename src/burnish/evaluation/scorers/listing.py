"""Every scorer that a job can name, and what each needs: for people who choose."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from burnish.domain.score import ScorerSpec
from burnish.evaluation.judges.catalog import built_in_judges
from burnish.evaluation.scorers.installed import installed_names
from burnish.evaluation.scorers.registry import BUILT_IN
from burnish.evaluation.scorers.text import Takes


class ScorerKind(StrEnum):
    BUILT_IN = "BUILT_IN"  # comes with Burnish and asks no model
    INSTALLED = "INSTALLED"  # by the operator
    JUDGE = "JUDGE"  # one of MLflow's own
    REGISTERED = "REGISTERED"  # in the experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerInfo:
    """
    Attributes:
        name: as it is written among the scorers of a job.
        takes: whether it is written ``NAME:ARGUMENT``.
        argument_is: the argument in words.
        requires: expectations that each record must have.
        asks_model: whether each answer costs a call.
        model: URI of the model that it asks by itself; ``None``: the job or the operator names one.
    """

    name: str
    kind: ScorerKind
    description: str = ""
    takes: Takes = Takes.NOTHING
    argument_is: str = ""
    requires: tuple[str, ...] = ()
    asks_model: bool = False
    model: str | None = None


def list_scorers(registered: Mapping[str, Mapping[str, Any]]) -> tuple[ScorerInfo, ...]:
    """Built-in ones, installed ones, MLflow's judges, then the registered ones.

    Args:
        registered: name → scorer in MLflow's serialized form. It is read as data.
    """
    return (
        *(
            ScorerInfo(
                name=name,
                kind=ScorerKind.BUILT_IN,
                description=_first_sentence(inspect.getdoc(scorer) or ""),
                takes=scorer.takes,
                argument_is=scorer.argument_is,
                requires=tuple(sorted(scorer.requires)),
            )
            for name, scorer in sorted(BUILT_IN.items())
        ),
        *(
            ScorerInfo(name=name, kind=ScorerKind.INSTALLED, takes=Takes.OPTIONAL)
            for name in installed_names()
        ),
        *(
            ScorerInfo(
                name=judge.name,
                kind=ScorerKind.JUDGE,
                description=judge.description,
                takes=Takes.REQUIRED if judge.takes_guidelines else Takes.OPTIONAL,
                argument_is="guidelines=TEXT" if judge.takes_guidelines else "model=URI",
                requires=judge.requires,
                asks_model=judge.asks_model,
            )
            for judge in built_in_judges()
        ),
        *(_registered(name, serialized) for name, serialized in sorted(registered.items())),
    )


def _registered(name: str, serialized: Mapping[str, Any]) -> ScorerInfo:
    data = serialized.get("instructions_judge_pydantic_data") or serialized.get(
        "builtin_scorer_pydantic_data"
    )
    known = data if isinstance(data, Mapping) else {}
    model = known.get("model")
    return ScorerInfo(
        name=ScorerSpec(name).full_name,
        kind=ScorerKind.REGISTERED,
        description=_first_sentence(str(known.get("instructions") or serialized.get("description") or "")),
        takes=Takes.OPTIONAL,
        argument_is="model=URI",
        asks_model="model" in known or "instructions" in known or "ensemble_scorer_data" in serialized,
        model=str(model) if model else None,
    )


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return paragraph[:300]

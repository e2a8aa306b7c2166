"""Which class is behind which optimizer type. A new optimizer is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from burnish.domain.job import OptimizerType
from burnish.errors import InvalidInput, did_you_mean
from burnish.optimizers.protocol import Optimizer

CLASSES: Mapping[OptimizerType, str] = {
    OptimizerType.GEPA: "burnish.optimizers.gepa:Gepa",
    OptimizerType.METAPROMPT: "burnish.optimizers.metaprompt:Metaprompt",
    OptimizerType.DISTILLATION: "burnish.optimizers.distillation:Distillation",
    OptimizerType.FEW_SHOT: "burnish.optimizers.few_shot:FewShot",
    OptimizerType.JOINT_SEARCH: "burnish.optimizers.joint_search:JointSearch",
}
"""Type → ``module:Class``. The class has ``from_settings(settings) -> Optimizer``."""

_WIRE_PREFIX = "OPTIMIZER_TYPE_"


def parse_optimizer(text: str) -> OptimizerType:
    """A name as people and the wire write it: ``joint-search``, ``JOINT_SEARCH``,
    ``OPTIMIZER_TYPE_JOINT_SEARCH``.

    Raises:
        InvalidInput: unknown; lists the known ones.
    """
    name = text.strip().upper().replace("-", "_").replace(" ", "_").removeprefix(_WIRE_PREFIX)
    try:
        return OptimizerType(name)
    except ValueError:
        known = [kind.value.lower().replace("_", "-") for kind in OptimizerType]
        near = did_you_mean(name.replace("_", "-"), known)
        raise InvalidInput.of(
            "optimizer", text, f"there is no such optimizer; known are {', '.join(known)}{near}"
        ) from None


def make_optimizer(optimizer_type: OptimizerType, settings: Mapping[str, Any]) -> Optimizer:
    """An optimizer with checked settings.

    Raises:
        InvalidInput: a setting is unknown or has a wrong value; names every one.
    """
    module_name, _, class_name = CLASSES[optimizer_type].partition(":")
    optimizer_class = getattr(import_module(module_name), class_name)
    optimizer: Optimizer = optimizer_class.from_settings(settings)
    return optimizer

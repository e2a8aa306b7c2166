"""From an optimizer's name to its class. Which there are stands in ``domain.optimizer_type``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Protocol

from burnish.domain.optimizer_type import WIRE_PREFIX, OptimizerType
from burnish.errors import InvalidInput, did_you_mean
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.settings import CommonSettings, read_settings


class OptimizerClass(Protocol):
    """What the table of optimizers names: a class with its settings."""

    settings_class: ClassVar[type[CommonSettings]]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Optimizer:
        """
        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        ...


def parse_optimizer(text: str) -> OptimizerType:
    """The optimizer of a name as people and the wire write it.

    Args:
        text: ``joint-search``, ``JOINT_SEARCH``, ``OPTIMIZER_TYPE_JOINT_SEARCH``, in any case.

    Raises:
        InvalidInput: unknown; lists the known ones.
    """
    name = text.strip().upper().replace("-", "_").replace(" ", "_").removeprefix(WIRE_PREFIX)
    try:
        return OptimizerType(name)
    except ValueError:
        known = [kind.cli_name for kind in OptimizerType]
        near = did_you_mean(name.replace("_", "-"), known)
        raise InvalidInput.of(
            "optimizer", text, f"there is no such optimizer; known are {', '.join(known)}{near}"
        ) from None


def optimizer_class(optimizer_type: OptimizerType) -> OptimizerClass:
    """The class behind a type; imports it, and what it needs."""
    module_name, _, class_name = optimizer_type.info.implementation.partition(":")
    found: OptimizerClass = getattr(import_module(module_name), class_name)
    return found


def make_optimizer(optimizer_type: OptimizerType, settings: Mapping[str, Any]) -> Optimizer:
    """An optimizer with checked settings.

    Raises:
        InvalidInput: a setting is unknown or has a wrong value; names every one.
    """
    return optimizer_class(optimizer_type).from_settings(settings)


def complete_settings(optimizer_type: OptimizerType, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as JSON with every default filled in, so that they mean the same to a later version.

    Raises:
        InvalidInput: a setting is unknown or has a wrong value; names every one.
    """
    kind = optimizer_class(optimizer_type).settings_class
    given = read_settings(kind, settings)
    # All of its own fields count as said; within each, only what was: "not said" means something there.
    complete = kind.model_construct(_fields_set=set(kind.model_fields), **dict(given))
    return complete.model_dump(mode="json", exclude_unset=True)


def settings_schema(optimizer_type: OptimizerType) -> dict[str, Any]:
    """The JSON schema of an optimizer's settings, those of all optimizers included."""
    return optimizer_class(optimizer_type).settings_class.model_json_schema()

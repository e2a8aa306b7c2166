"""From an optimizer's name to its class. Which there are stands in ``domain.optimizer_type``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Protocol

from burnish.domain.optimizer_type import OptimizerType
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.settings import CommonSettings, describe_settings, read_settings


class OptimizerClass(Protocol):
    """What the table of optimizers names: a class with its settings."""

    settings_class: ClassVar[type[CommonSettings]]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Optimizer:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        ...


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
    return read_settings(optimizer_class(optimizer_type).settings_class, settings).completed()


def settings_schema(optimizer_type: OptimizerType) -> dict[str, Any]:
    """The JSON schema of an optimizer's settings, those of all optimizers included, each with its words."""
    settings_class = optimizer_class(optimizer_type).settings_class
    schema = settings_class.model_json_schema()
    words = describe_settings(settings_class)
    for name, entry in schema["properties"].items():
        if name in words:
            entry["description"] = words[name]
    return schema

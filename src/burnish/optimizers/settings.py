"""Settings of every optimizer, and how a request's settings become a checked model.

An unknown key is an error with the nearest known one: a typo must never run with a default.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from burnish.errors import InvalidInput, Problem, did_you_mean
from burnish.llm.protocol import RESERVED_OPTIONS, Parameters

FIELD = "optimizer_config"

RewrittenRole = Literal["system", "developer", "user", "assistant"]
REWRITTEN_ROLES: tuple[RewrittenRole, ...] = ("system", "developer", "user")


class CommonSettings(BaseModel):
    """Settings of all optimizers.

    Attributes:
        reflection_model: URI of the model that writes proposals (MLflow's key; the job's own field wins).
        target_score: the search ends when a candidate's aggregate on validation reaches it; in [0, 1], as
            every score is.
        patience: the search ends after this many measured candidates in a row without a better one.
        minimum_gain: a candidate must beat the best by more than this aggregate.
        max_prompt_tokens: longer proposals are refused; tokens of one prompt, estimated.
        refuse_copied_examples: refuse proposals that hold a training example word for word (else: warn).
        roles: of the chat messages that may be rewritten. What a tool has said never is; assistant messages
            and the turns they answer only with ``assistant``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reflection_model: str | None = Field(default=None, min_length=1)
    target_score: float = 1.0
    patience: int | None = Field(default=None, ge=1)
    minimum_gain: float = Field(default=0.0, ge=0, lt=1)
    max_prompt_tokens: int | None = Field(default=None, ge=1)
    refuse_copied_examples: bool = False
    roles: list[RewrittenRole] = Field(default_factory=lambda: list(REWRITTEN_ROLES), min_length=1)

    @field_validator("target_score")
    @classmethod
    def _in_the_range_of_scores(cls, value: float) -> float:
        if not 0 < value <= 1:
            raise ValueError(
                "must be above 0 and at most 1, where all scores are; of a rating from 1 to 5, 4 is 0.75"
            )
        return value

    def completed(self) -> dict[str, Any]:
        """As JSON with every default, which reads back as the same settings."""
        # Every field counts as said. Within a field only what was: there "not said" has a meaning.
        every = type(self).model_construct(_fields_set=set(type(self).model_fields), **dict(self))
        return every.model_dump(mode="json", exclude_unset=True)


class SamplingOptions(BaseModel):
    """Options of a model call, by the names litellm and OpenAI use; any other is passed through."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    temperature: float | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: list[str] | None = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _check_extra(self) -> SamplingOptions:
        for name in sorted(RESERVED_OPTIONS.keys() & (self.model_extra or {}).keys()):
            raise ValueError(f"{name}: {RESERVED_OPTIONS[name]}")
        return self

    def parameters(self) -> Parameters | None:
        """As a call takes them; ``None`` when nothing was set."""
        if not self.model_fields_set:
            return None
        return Parameters(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            top_p=self.top_p,
            stop=tuple(self.stop or ()),
            seed=self.seed,
            response_format=self.response_format,
            extra=dict(self.model_extra or {}),
        )


AnySettings = TypeVar("AnySettings", bound=BaseModel)

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def describe_settings(kind: type[CommonSettings]) -> dict[str, str]:
    """Setting → what its class, or one that it is made from, says of it under *Attributes*."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        _, _, attributes = inspect.cleandoc(owner.__doc__ or "").partition("Attributes:\n")
        for name, words in _ATTRIBUTE.findall(attributes):
            plain = re.sub(r":\w+:`([^`]+)`|``([^`]*)``", r"\1\2", " ".join(words.split()))
            found[name] = plain[0].upper() + plain[1:] if re.match(r"[a-z]+[ ,]", plain) else plain
    return found


_TYPE_REMEDIES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "missing": "is needed and has no default",
}


def read_settings(kind: type[AnySettings], settings: Mapping[str, Any], prefix: str = FIELD) -> AnySettings:
    """A request's settings as a checked value.

    Args:
        prefix: what stands in front of a key in a problem's field.

    Raises:
        InvalidInput: one problem for each unknown key and each wrong value, field ``optimizer_config.KEY``.
    """
    if not isinstance(settings, Mapping):
        raise InvalidInput.of(prefix, settings, "must be an object of settings")
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        raise InvalidInput(*(_problem(kind, entry, prefix) for entry in error.errors())) from None


def _problem(kind: type[BaseModel], entry: Any, prefix: str) -> Problem:
    key = ".".join(str(part) for part in entry["loc"])
    field_name = f"{prefix}.{key}" if key else prefix
    value = "" if entry["type"] == "missing" else str(entry["input"])
    if entry["type"] == "extra_forbidden":
        return Problem(field_name, value, _unknown_key(key, sorted(kind.model_fields)))
    if entry["type"] == "value_error":
        return Problem(field_name, value if key else "", str(entry["ctx"]["error"]))
    remedy = _TYPE_REMEDIES.get(entry["type"])
    if remedy is None:
        remedy = entry["msg"].replace("Input should be", "must be").replace("Value should", "must")
    return Problem(field_name, value, remedy)


def _unknown_key(key: str, known: list[str]) -> str:
    return f"there is no such setting; known are {', '.join(known)}{did_you_mean(key, known)}"

"""What MLflow takes as a name or a URI. Every tracker keeps to these rules; none needs MLflow for them."""

from __future__ import annotations

import hashlib
import json
import re

from burnish.domain.prompt import Template, template_to_json
from burnish.domain.records import EvaluationRecord
from burnish.domain.text import value_as_text
from burnish.errors import InvalidInput

MAX_PROMPT_CHARACTERS = 100_000
MAX_DATASET_NAME_CHARACTERS = 500

_URI = re.compile(r"prompts:/(?P<name>[A-Za-z0-9_.-]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[A-Za-z0-9_-]+))")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ALIAS = re.compile(r"(?!(?i:latest|v?[0-9]+)$)[A-Za-z0-9_-]{1,255}")


def split_prompt_uri(uri: str) -> tuple[str, int | str]:
    """Name, and version (``int``) or alias (``str``).

    Raises:
        InvalidInput: not a prompt URI.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise InvalidInput.of(
            "prompt", uri, "a prompt of the registry is prompts:/NAME/VERSION or prompts:/NAME@ALIAS"
        )
    version = match["version"]
    return match["name"], int(version) if version else match["alias"]


def safe_prompt_name(text: str) -> str:
    """The nearest name that MLflow takes for a prompt; ``prompt`` when nothing is left."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.") or "prompt"


def check_prompt_name(name: str) -> None:
    """
    Raises:
        InvalidInput: MLflow does not take this name for a prompt.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput.of(
            "prompt.name",
            name,
            "MLflow takes letters, digits, '-', '_' and '.' in a prompt's name, "
            f"for example {safe_prompt_name(name)!r}",
        )


def check_prompt_text(template: Template) -> None:
    """
    Raises:
        InvalidInput: longer than MLflow keeps, or not to be written as UTF-8.
    """
    stored = template_to_json(template)
    text = value_as_text(stored)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput.of(
            "prompt", ascii(text[error.start]), "half of a character, which UTF-8 cannot write; remove it"
        ) from error
    size = len(text if isinstance(stored, str) else json.dumps(stored))
    if size > MAX_PROMPT_CHARACTERS:
        raise InvalidInput.of(
            "prompt", f"{size} characters", f"MLflow keeps at most {MAX_PROMPT_CHARACTERS}; shorten it"
        )


def check_alias(alias: str) -> None:
    """
    Raises:
        InvalidInput: MLflow does not take this alias.
    """
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput.of(
            "alias", alias, "MLflow takes letters, digits, '-' and '_', but not 'latest', not v1 and not 1"
        )


def check_dataset_name(name: str) -> None:
    """
    Raises:
        InvalidInput: empty, or too long.
    """
    if not 0 < len(name) <= MAX_DATASET_NAME_CHARACTERS:
        raise InvalidInput.of(
            "dataset.name", name, f"a dataset's name has 1 to {MAX_DATASET_NAME_CHARACTERS} characters"
        )


def metric_name(name: str) -> str:
    """The name with ``_`` for what MLflow does not take in a metric's name."""
    return re.sub(r"[^\w.\- ]", "_", name)


def tag_name(name: str) -> str:
    """The name with ``_`` for what MLflow does not take in a tag's name, cut to its limit."""
    return re.sub(r"[^\w.\- ]", "_", name)[:250]


def trace_id_of(job_id: str, record: EvaluationRecord) -> str:
    """The id of an evaluation's trace: the same for the same evaluation, whoever writes it."""
    what = (job_id, record.evaluation.candidate_id, record.evaluation.example_id, record.split)
    return "tr-" + hashlib.sha256("\0".join(what).encode()).hexdigest()[:32]

"""Reading a prompt: a text file, or JSON with chat messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from burnish.domain.prompt import Message, Prompt, Template, check_template
from burnish.files.content import UserFile, decode, read_bytes
from burnish.files.problems import FileProblems, listed
from burnish.tracking.names import check_prompt_name, check_prompt_text, safe_prompt_name

_ROLES = ("system", "user", "assistant")


def read_prompt(path: Path, name: str | None = None) -> Prompt:
    """A prompt from a file: ``.json`` holds a list of ``{role, content}``, anything else is text.

    Args:
        name: for the registry; by default the file's name, made fit for it.

    Returns:
        A prompt without URI. Line ends are ``\\n``; those at the very end are dropped, because an
        editor puts one there and a model reads it.

    Raises:
        InvalidInput: every problem found, with line or position.
    """
    problems = FileProblems(path)
    text = decode(read_bytes(UserFile(path), problems), problems).replace("\r\n", "\n")
    template: Template
    template = _read_chat(text, problems) if path.suffix.lower() == ".json" else text.rstrip("\n")
    check_template(template, str(path))
    check_prompt_text(template)
    if name is not None:
        check_prompt_name(name)
    return Prompt(name=name or safe_prompt_name(path.stem), template=template)


def _read_chat(text: str, problems: FileProblems) -> tuple[Message, ...]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise problems.stop(error.lineno, f"column {error.colno}", "", f"is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise problems.stop(None, "", "", "is nested too deeply") from error
    if not isinstance(value, list) or not value:
        raise problems.stop(
            None, "", text[:40], 'a chat prompt is a JSON list of {"role": ..., "content": ...}'
        )
    for position, entry in enumerate(value):
        _check_message(f"[{position}]", entry, problems)
    problems.check()
    return tuple(Message(entry["role"], entry["content"]) for entry in value)


def _check_message(place: str, entry: Any, problems: FileProblems) -> None:
    if not isinstance(entry, dict):
        problems.add("message", None, place, entry, 'must be an object {"role": ..., "content": ...}')
        return
    if entry.get("role") not in _ROLES:
        problems.add("role", None, f"{place}.role", entry.get("role", ""), f"must be one of {listed(_ROLES)}")
    if not isinstance(entry.get("content"), str):
        problems.add("content", None, f"{place}.content", entry.get("content", ""), "must be a text")
    if extra := [key for key in entry if key not in ("role", "content")]:
        problems.add("extra", None, f"{place}.{extra[0]}", entry[extra[0]], "only role and content are kept")

"""What a job runs on, as people and programs read it. Every function gives the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from burnish.cli.output import EXIT_OK, say_json, stdout
from burnish.domain.inputs import JobInputs, ResolvedModel
from burnish.domain.prompt import Prompt, text_of
from burnish.domain.records import ExampleRecord
from burnish.domain.text import value_as_text
from burnish.proto.inputs import example_to_proto, inputs_to_proto
from burnish.proto.message import message_to_json


def say_inputs(inputs: JobInputs, as_json: bool) -> int:
    """Facts first, then the prompts' texts."""
    if as_json:
        say_json({"inputs": message_to_json(inputs_to_proto(inputs))})
        return EXIT_OK
    table = Table(box=None, show_header=False, pad_edge=False)
    for label, value in _facts(inputs):
        table.add_row(label, escape(value))
    stdout().print(table)
    for prompt in (*inputs.prompts, *([inputs.teacher_prompt] if inputs.teacher_prompt else [])):
        sys.stdout.write(f"--- {prompt.uri or prompt.name}\n{text_of(prompt.template)}\n")
    return EXIT_OK


def _facts(inputs: JobInputs) -> list[tuple[str, str]]:
    dataset = inputs.dataset
    facts = [
        *(("prompt", _prompt(prompt)) for prompt in inputs.prompts),
        ("model", _model(inputs.target)),
        ("reflection", _model(inputs.reflection)),
        ("teacher", _model(inputs.teacher)),
        *(("scorer", f"{entry.spec}  {entry.model or ''}".rstrip()) for entry in inputs.scorers),
        ("settings", _options(inputs.optimizer_settings)),
        ("dataset", f"{dataset.name}, {dataset.dataset_id}, digest {dataset.digest}" if dataset else ""),
        (
            "splits",
            f"{dataset.train} train, {dataset.validation} validation, {dataset.test} test" if dataset else "",
        ),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(inputs.versions.items()))),
        *(("warning", warning) for warning in inputs.warnings),
    ]
    return [(label, value) for label, value in facts if value]


def _prompt(prompt: Prompt) -> str:
    return f"{prompt.uri or prompt.name}  {_options(prompt.model_config)}".rstrip()


def _model(model: ResolvedModel | None) -> str:
    return f"{model.uri}  {_options(model.parameters)}".rstrip() if model else ""


def _options(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value_as_text(value)}" for name, value in sorted(values.items()))


def say_examples(records: Iterable[ExampleRecord], as_json: bool) -> int:
    """One after the other, so that many need no memory."""
    found = False
    for record in records:
        found = True
        if as_json:
            line = json.dumps(message_to_json(example_to_proto(record)), ensure_ascii=False)
        else:
            inputs, expectations = (
                ", ".join(f"{name}: {value_as_text(value)}" for name, value in sorted(values.items()))
                for values in (record.example.inputs, record.example.expectations)
            )
            line = (
                f"{record.position}  {record.split}  {record.example.example_id}  {inputs}  → {expectations}"
            )
        sys.stdout.write(line + "\n")
    if not found and not as_json:
        stdout().print("no examples")
    return EXIT_OK

"""``burnish doctor``: is everything there that a job needs, and if not, what to do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from burnish.cli.output import EXIT_FAILED, EXIT_OK, say_json, stdout
from burnish.config import Settings
from burnish.doctor import Finding, Severity, problem
from burnish.doctor.dispatch import check_dispatcher
from burnish.doctor.models import ask_models, check_keys
from burnish.doctor.store import StoreState, check_store
from burnish.doctor.traces import check_traces
from burnish.doctor.tracking import check_tracking
from burnish.doctor.versions import check_versions
from burnish.errors import InvalidInput
from burnish.llm.providers.registry import Registry
from burnish.redaction import redact

_SHOWN = {Severity.OK: "ok", Severity.NOTE: "note", Severity.PROBLEM: "to do"}


def run(
    models: Sequence[str] = (),
    as_json: bool = False,
    store_uri: str | None = None,
    tracking_uri: str | None = None,
) -> int:
    """Look at everything and report.

    Args:
        models: URIs of models to ask a short question.

    Returns:
        The exit code: 0, or 1 where something has to be done.
    """
    findings = list(_findings(models, store_uri, tracking_uri))
    well = all(finding.severity is not Severity.PROBLEM for finding in findings)
    if as_json:
        say_json({"ok": well, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    return EXIT_OK if well else EXIT_FAILED


def _findings(models: Sequence[str], store_uri: str | None, tracking_uri: str | None) -> Iterator[Finding]:
    yield from check_versions()
    try:
        settings = Settings.read(store_uri=store_uri, tracking_uri=tracking_uri)
    except InvalidInput as error:
        for entry in error.problems:
            shown = f"{entry.field} is {redact(entry.value)!r}"
            yield problem("settings", shown, entry.remedy)
        return
    state = StoreState()
    yield from check_store(settings.store_uri, state)
    yield from check_dispatcher(settings.store_uri, settings.takeover_seconds, state)
    yield from check_tracking(settings.tracking_uri, _ask_mlflow)
    yield from check_keys(os.environ)
    named = dict.fromkeys((*models, *((settings.judge_model,) if settings.judge_model else ())))
    yield from asyncio.run(_ask(tuple(named), settings))
    yield check_traces(os.environ)


def _ask_mlflow(tracking_uri: str) -> None:
    from burnish.tracking.mlflow import MlflowTracker

    MlflowTracker(tracking_uri).check()


async def _ask(models: Sequence[str], settings: Settings) -> list[Finding]:
    registry = Registry(settings.allowed_base_urls)
    try:
        return await ask_models(models, registry)
    finally:
        await registry.close()


def _print(findings: Sequence[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        line = f"{_SHOWN[finding.severity]:<6} {finding.check:<{width}}  {finding.message}"
        stdout().print(line, soft_wrap=True, markup=False)
        if finding.remedy:
            stdout().print(f"{'':<6} {'':<{width}}  → {finding.remedy}", soft_wrap=True, markup=False)

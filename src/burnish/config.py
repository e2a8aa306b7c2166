"""Settings of a process: frozen, read once from flags and ``BURNISH_*`` variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from burnish.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process runs. Every field can be set as ``BURNISH_<FIELD>``; flags win.

    Attributes:
        store_uri: ``sqlite:///file.db`` or ``postgresql://…``; holds all state of Burnish.
        tracking_uri: MLflow's tracking server or database (also read from ``MLFLOW_TRACKING_URI``).
        workers: jobs that run at once in this process; 0: this process only answers requests.
        host, port: where the server listens.
        allowed_hosts: further ``Host`` names the server answers to.
        allowed_base_urls: model endpoints a prompt's own model config may name.
        app_urls: base URLs below which a job's app may be.
        app_networks: private networks that these may lead to, such as ``10.0.0.0/8``.
        requests_per_minute, tokens_per_minute: what each model may be asked at most; ``None``: only its
            own refusals (429) slow the calls down.
        judge_model: model URI for judges that name none.
        auth_token_file: bearer tokens, one a line; ``None``: no tokens.
        mlflow_app: name of the ``mlflow.app`` plugin that is mounted in the place of MLflow's plain
            application, such as ``basic-auth``; empty: the plain one.
        mlflow_jobs: start MLflow's runner for its own jobs (judges, evaluations, issue detection).
        jinja: render Jinja prompts (``{% … %}``), in a process of their own; off: they are refused.
        no_auth: allow another address than loopback without tokens.
        heartbeat_seconds: how often a worker says that it lives, and looks for a cancel.
        takeover_seconds: silence after which another worker takes a job over.
        keep_journal_days: how long ended jobs keep their journal; ``None``: for ever.
        max_running_per_experiment: jobs of one experiment that may run at once; ``None``: no limit.
        max_job_retries: how often in a row a job is begun again for a cause outside it; eight take about
            five minutes.
        max_job_deaths: a job is FAILED when so many attempts in a row have died with their worker before
            they had finished a new call.
        log_format: ``console`` or ``json``.
        metrics_port: where ``burnish worker`` serves its metrics; ``None``: nowhere. The server has them on
            its own port.
        metrics_host: the address of that port.
    """

    store_uri: str = "sqlite:///burnish.db"
    tracking_uri: str = "sqlite:///mlflow.db"
    workers: int = 1
    host: str = "127.0.0.1"
    port: int = 5000
    allowed_hosts: tuple[str, ...] = ()
    allowed_base_urls: tuple[str, ...] = ()
    app_urls: tuple[str, ...] = ()
    app_networks: tuple[str, ...] = ()
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    judge_model: str | None = None
    auth_token_file: str | None = None
    mlflow_app: str = ""
    mlflow_jobs: bool = False
    jinja: bool = True
    no_auth: bool = False
    heartbeat_seconds: float = 0.5
    takeover_seconds: float = 10.0
    keep_journal_days: float | None = None
    max_running_per_experiment: int | None = None
    max_job_retries: int = 8
    max_job_deaths: int = 5
    log_format: str = "console"
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        """Defaults, then the environment, then flags that are not ``None``.

        Raises:
            InvalidInput: a variable or flag has the wrong type; names all of them.
        """
        env = os.environ if environment is None else environment
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        if "MLFLOW_TRACKING_URI" in env:
            found["tracking_uri"] = env["MLFLOW_TRACKING_URI"]
        for entry in fields(cls):
            variable = f"BURNISH_{entry.name.upper()}"
            if variable not in env:
                continue
            try:
                found[entry.name] = _read(str(entry.type), env[variable])
            except ValueError:
                problems.append(Problem(variable, env[variable], f"must be of type {entry.type}"))
        found |= {name: value for name, value in flags.items() if value is not None}
        if problems:
            raise InvalidInput(*problems)
        settings = replace(cls(), **found)
        settings.check()
        return settings

    def check(self) -> None:
        """
        Raises:
            InvalidInput: values that cannot work.
        """
        problems = []
        if self.workers < 0:
            problems.append(Problem("workers", str(self.workers), "must be 0 or more"))
        if not 0 <= self.port <= 65535:
            problems.append(Problem("port", str(self.port), "must be between 0 and 65535"))
        if not 0 <= (self.metrics_port or 0) <= 65535:
            problems.append(Problem("metrics_port", str(self.metrics_port), "must be between 0 and 65535"))
        if self.max_job_deaths < 1:
            problems.append(Problem("max_job_deaths", str(self.max_job_deaths), "must be 1 or more"))
        if self.heartbeat_seconds <= 0 or self.takeover_seconds <= 2 * self.heartbeat_seconds:
            problems.append(
                Problem(
                    "takeover_seconds",
                    str(self.takeover_seconds),
                    "must be more than twice heartbeat_seconds, or live jobs are taken over",
                )
            )
        if self.mlflow_app and self.auth_token_file:
            remedy = "its users and the tokens of auth_token_file exclude each other; leave one of them out"
            problems.append(Problem("mlflow_app", self.mlflow_app, remedy))
        if self.log_format not in ("console", "json"):
            problems.append(Problem("log_format", self.log_format, "must be 'console' or 'json'"))
        if problems:
            raise InvalidInput(*problems)


def _read(type_name: str, text: str) -> Any:
    if type_name == "bool":
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off", ""):
            return False
        raise ValueError(text)
    if type_name.startswith("int"):
        return int(text)
    if type_name.startswith("float"):
        return float(text)
    if type_name.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text

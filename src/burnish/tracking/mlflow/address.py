"""Where an MLflow is, and what follows from that: artifacts, links, what must not be shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from burnish.domain.text import is_well_formed
from burnish.errors import InvalidInput
from burnish.redaction import redact, uri_secrets

_PROXIED = "mlflow-artifacts:"
_SPECIAL = re.compile(r"[%?#;:'\"\\]")
_UNQUOTED = "/ :@&=+$,;!*()~"


class Address:
    """A tracking URI, taken apart.

    Args:
        tracking_uri: a database (``sqlite:///mlflow.db``, ``postgresql+psycopg://…``) or a server.
            A relative SQLite path is resolved now, so that a later change of directory is harmless.
        registry_uri: of the prompt registry; by default the same MLflow.
        artifact_root: where a database keeps the artifacts of experiments made here. By default
            ``mlruns`` beside a SQLite file (MLflow itself takes the working directory), the
            server's own choice otherwise.

    Raises:
        InvalidInput: not a URI MLflow keeps datasets at.
    """

    def __init__(
        self, tracking_uri: str, registry_uri: str | None = None, artifact_root: str | None = None
    ) -> None:
        scheme = tracking_uri.split(":", 1)[0].lower() if ":" in tracking_uri else ""
        if scheme in ("", "file"):
            raise InvalidInput.of(
                "tracking_uri",
                tracking_uri,
                "MLflow keeps no datasets in a folder; use sqlite:///FILE, a database or an http(s) server",
            )
        self.is_server = scheme in ("http", "https")
        self.is_database = scheme.split("+")[0] in ("sqlite", "postgresql", "mysql", "mssql")
        self.sqlite_path = _sqlite_path(tracking_uri) if scheme.startswith("sqlite") else None
        self.tracking_uri = sqlite_uri(self.sqlite_path) if self.sqlite_path else tracking_uri.rstrip("/")
        self.registry_uri = registry_uri or self.tracking_uri
        self._beside = self.sqlite_path.parent if self.sqlite_path else None
        self.artifact_root = artifact_root or os.environ.get("_MLFLOW_SERVER_ARTIFACT_ROOT")
        if self.artifact_root is None and self._beside:
            self.artifact_root = folder_location(self._beside / "mlruns")

    def __str__(self) -> str:
        """The URI without credentials."""
        if self.sqlite_path:
            return self.tracking_uri
        parts = urlsplit(self.tracking_uri)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=host, query="").geturl()

    def redact(self, text: str) -> str:
        """The text without any secret of the URIs or of MLflow's environment variables."""
        return redact(text, secrets=uri_secrets(self.tracking_uri) | uri_secrets(self.registry_uri))

    def resolve_artifacts(self, artifact_uri: str) -> str:
        """Where a run's artifacts really lie.

        A database that a server with proxied artifacts has made names them ``mlflow-artifacts:/…``,
        which only that server can resolve; we go to the folder behind it.
        """
        if not artifact_uri.startswith(_PROXIED) or self.is_server:
            return artifact_uri
        inside = urlsplit(artifact_uri).path.lstrip("/")
        destination = os.environ.get("_MLFLOW_SERVER_ARTIFACT_DESTINATION")
        if destination is None and self._beside:
            destination = folder_location(self._beside / "mlartifacts")
        if destination is None:
            raise InvalidInput.of(
                "tracking_uri",
                str(self),
                f"its artifacts ({artifact_uri}) are served by an MLflow server; give that server's address",
            )
        return f"{destination.rstrip('/')}/{inside}"

    def run_url(self, experiment_id: str, run_id: str) -> str | None:
        """The run's page in MLflow's UI, where there is one."""
        return f"{self}/#/experiments/{experiment_id}/runs/{run_id}" if self.is_server else None

    def prompt_url(self, name: str) -> str | None:
        return f"{self}/#/prompts/{quote(name)}" if self.is_server else None

    def experiment_url(self, experiment_id: str) -> str | None:
        return f"{self}/#/experiments/{experiment_id}" if self.is_server else None


def _sqlite_path(uri: str) -> Path:
    location = uri.partition(":///")[2].partition("?")[0]
    if location in ("", ":memory:"):
        raise InvalidInput.of(
            "tracking_uri", uri, "a database in memory is lost with the process; use sqlite:///FILE"
        )
    return Path(_database_in(uri) or location).absolute()


def sqlite_uri(path: Path) -> str:
    """The URI of a SQLite file at an absolute path, whatever characters are in it.

    Which ones have to be quoted depends on SQLAlchemy's version, so it is asked whether it finds the way
    back: MLflow would make its database in another folder. A quoted path names the driver, because MLflow
    makes the folder that it reads, unquoted, in ``sqlite:///``.

    Raises:
        InvalidInput: no URI leads to this path.
    """
    if is_well_formed(str(path)):
        for uri in (f"sqlite:///{path}", f"sqlite+pysqlite:///{quote(str(path), safe=_UNQUOTED)}"):
            if _database_in(uri) == str(path):
                return uri
    shown, remedy = (
        ascii(str(path))[1:-1],
        "MLflow cannot be told this path; use a folder with a plainer name",
    )
    raise InvalidInput.of("tracking_uri", shown, remedy)


def folder_location(path: Path) -> str:
    """A folder as MLflow takes it for artifacts: the path, or a file URI where MLflow would read a part of
    the path as something else."""
    return path.as_uri() if _SPECIAL.search(str(path)) else str(path)


def _database_in(uri: str) -> str | None:
    """The path that SQLAlchemy, and so MLflow, reads in a URI."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        return None
    return None if url.query else url.database

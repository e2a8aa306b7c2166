"""Files of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from burnish.tracking.mlflow.connection import Connection


class Artifacts:
    """Artifacts over one connection; ``artifact_uri`` is the run's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self, artifact_uri: str, folder: str) -> set[str]:
        """Names of the files in a folder; empty when it is not there."""
        with self._connection.artifacts(artifact_uri) as repository:
            return {PurePosixPath(entry.path).name for entry in repository.list_artifacts(folder)}

    def write(self, artifact_uri: str, folder: str, files: Mapping[str, str]) -> None:
        """Write texts as UTF-8 files, in this order, replacing what is there."""
        with self._connection.artifacts(artifact_uri) as repository, tempfile.TemporaryDirectory() as scratch:
            for name, text in files.items():
                path = Path(scratch) / name
                path.write_text(text, encoding="utf-8", errors="replace")
                repository.log_artifact(str(path), folder or None)

    def upload(self, artifact_uri: str, folder: str, path: Path) -> None:
        with self._connection.artifacts(artifact_uri) as repository:
            repository.log_artifact(str(path), folder or None)

"""Files of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from burnish.tracking.mlflow.connection import Connection


class Artifacts:
    """Artifacts over one connection; ``artifact_uri`` is the run's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self, artifact_uri: str, folder: str) -> set[str]:
        """Names of the files and folders in a folder; empty when it is not there."""
        with self._connection.artifacts(artifact_uri) as repository:
            return {PurePosixPath(entry.path).name for entry in repository.list_artifacts(folder)}

    def write(self, artifact_uri: str, folder: str, files: Mapping[str, str]) -> None:
        """Write texts as UTF-8 files, in this order, replacing what is there."""
        with self._connection.artifacts(artifact_uri) as repository, tempfile.TemporaryDirectory() as scratch:
            for name, text in files.items():
                path = Path(scratch) / name
                path.write_text(text, encoding="utf-8", errors="replace")
                repository.log_artifact(str(path), folder or None)

    def write_folders(
        self, artifact_uri: str, folders: Iterable[tuple[str, Mapping[str, str]]], last: str
    ) -> None:
        """Write the texts of several folders together; those of one folder at a time are held in memory.

        Args:
            folders: each folder's path, and its texts by file name.
            last: name of the file that each folder has; where it is, the others are.
        """
        with self._connection.artifacts(artifact_uri) as repository:
            from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

            if isinstance(repository, LocalArtifactRepository):
                for folder, files in folders:
                    for name in sorted(files, key=lambda name: name == last):
                        _write(Path(repository.artifact_dir, folder, name), files[name])
                return
            with tempfile.TemporaryDirectory() as scratch:
                first, then = Path(scratch, "first"), Path(scratch, "then")
                for folder, files in folders:
                    for name, text in files.items():
                        _write((then if name == last else first) / folder / name, text)
                for part in (first, then):
                    if part.exists():
                        repository.log_artifacts(str(part))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")

"""Registered scorers, as data: nothing of what is registered is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from burnish.errors import NotFound
from burnish.tracking.mlflow.connection import Connection


class Scorers:
    """Scorers over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, experiment_id: str, name: str) -> Mapping[str, Any] | None:
        """The latest version in MLflow's serialized form, or ``None``.

        ``mlflow.genai.scorers.get_scorer`` would run the source of a registered ``@scorer`` function.
        """
        try:
            with self._connection.tracking("scorer", name) as store:
                return asdict(store.get_scorer(experiment_id, name).serialized_scorer)
        except NotFound:
            return None

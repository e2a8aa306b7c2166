"""Who does something, and in which of MLflow's workspaces."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.domain.job import DEFAULT_WORKSPACE


@dataclass(frozen=True, slots=True)
class Actor:
    """A user.

    Attributes:
        name: ``None`` where the server knows no users.
    """

    name: str | None = None
    workspace: str = DEFAULT_WORKSPACE


NOBODY = Actor()

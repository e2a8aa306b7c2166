"""What the API asks before it does anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from burnish.domain.actor import NOBODY, Actor
from burnish.errors import InvalidInput

WORKSPACE_HEADER = "x-mlflow-workspace"
"""MLflow's, in lower case."""


class Permission(StrEnum):
    """What may be done to something; MLflow's words."""

    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


class Kind(StrEnum):
    """Of what MLflow keeps permissions."""

    EXPERIMENT = "experiment"
    PROMPT = "prompt"
    DATASET = "dataset"


@dataclass(frozen=True, slots=True)
class Need:
    """One permission that a request needs.

    Attributes:
        name: an experiment's or a dataset's id, a prompt's name.
    """

    permission: Permission
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that somebody wants to make: MLflow asks for more than one thing then.

    Attributes:
        scorers: names, without arguments and weights.
        models: URIs of every model that it would ask.
    """

    experiment_id: str
    prompt_uris: tuple[str, ...]
    scorers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    dataset_id: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        credentials: the headers that say so, and name the workspace; never shown, never kept.
    """

    actor: Actor = NOBODY
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


EVERYBODY = Caller()


class Authority(Protocol):
    """Decides. Safe to ask from many tasks at once.

    Every method raises TrackingUnavailable where it depends on an MLflow that is away.
    """

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        """
        Args:
            headers: of the request; their names in lower case.

        Raises:
            NotAuthenticated
            NotFound: the request names a workspace that there is not.
            InvalidInput: it names one where there are none.
        """
        ...

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        """
        Args:
            fresh: ask again, whatever was answered a moment ago.

        Raises:
            PermissionDenied, NotAuthenticated
        """
        ...

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        """
        Raises:
            PermissionDenied, NotAuthenticated
        """
        ...

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        """Names (as in :class:`Need`) of all that the caller may read; ``None``: whatever there is.

        Raises:
            NotAuthenticated
        """
        ...


class Open:
    """Everybody may do everything: a server for one, or behind a guard of somebody else's."""

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        if workspace := headers.get(WORKSPACE_HEADER, "").strip():
            raise InvalidInput.of(
                WORKSPACE_HEADER.upper(), workspace, "this server has no workspaces; leave it out"
            )
        return EVERYBODY

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        return

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        return

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        return None

"""Many writes of traces to MLflow's own database in one transaction.

Each method of MLflow's store opens a session, asks for the experiment in another, and commits: two
commits and 28 ms of CPU for a trace. A batch needs one of each.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True, slots=True)
class Transaction:
    """SQLAlchemy's session, and the experiment that it writes to."""

    session: Any
    experiment: Any


def write_together(store: Any, experiment_id: str, write: Callable[[Any, Transaction | None], None]) -> None:
    """Call ``write`` with a store whose writes are committed together at its end, or none of them.

    A store over HTTP is given as it is, without a transaction: there the server decides.

    Args:
        experiment_id: of everything that is written.
        write: may be called twice: where somebody else writes the same at this moment, MLflow wants to roll
            back what it has begun, which here would be everything, so it is written again piece by piece.
    """
    make_session = getattr(store, "ManagedSessionMaker", None)
    if make_session is None:
        write(store, None)
        return
    experiment = store.get_experiment(experiment_id)
    raced = False

    def refuse() -> NoReturn:
        nonlocal raced
        raced = True
        raise RuntimeError("a part of a batch cannot be rolled back")

    from sqlalchemy.exc import IntegrityError

    try:
        with make_session(**_for_writing(make_session)) as session:

            @contextmanager
            def shared(*args: Any, **kwargs: Any) -> Iterator[Any]:
                yield session

            writer = copy.copy(store)
            writer.ManagedSessionMaker = shared
            writer.get_experiment = lambda _: experiment
            session.rollback = refuse
            try:
                write(writer, Transaction(session, experiment))
            except IntegrityError:
                raced = True
                raise
            finally:
                del session.rollback
    except Exception:
        if not raced:
            raise
        write(store, None)


def _for_writing(make_session: Callable[..., Any]) -> dict[str, bool]:
    """Newer versions give a session that only reads, unless asked for another."""
    return {"read_only": False} if "read_only" in inspect.signature(make_session).parameters else {}

"""Many writes to MLflow's own database in one transaction.

Each method of MLflow's store opens a session, looks up what it changes, and commits; some open another
for the experiment. What belongs together needs one of each, and is there whole or not at all.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from burnish.errors import BurnishError


@dataclass(frozen=True, slots=True)
class Transaction:
    """SQLAlchemy's session, and the experiment that it writes to, where one was named."""

    session: Any
    experiment: Any | None


def write_together(
    store: Any, experiment_id: str | None, write: Callable[[Any, Transaction | None], None]
) -> None:
    """Call ``write`` with a store whose writes are committed together at its end, or none of them.

    A store over HTTP is given as it is, without a transaction: there the server decides.

    Args:
        experiment_id: of everything that is written, where it is looked up again and again.
        write: may be called twice: where somebody else writes the same at this moment, MLflow wants to roll
            back what it has begun, which here would be everything, so it is written again piece by piece.
    """
    make_session = getattr(store, "ManagedSessionMaker", None)
    if make_session is None:
        write(store, None)
        return
    experiment = None if experiment_id is None else store.get_experiment(experiment_id)
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
            if experiment is not None:
                writer.get_experiment = lambda _: experiment
            session.rollback = refuse
            session.commit = session.flush  # MLflow's writer of params commits by itself
            try:
                write(writer, Transaction(session, experiment))
            except IntegrityError:
                raced = True
                raise
            finally:
                del session.rollback, session.commit
    except Exception as error:
        if not raced:
            if isinstance(error.__cause__, BurnishError):  # which MLflow takes for an internal error
                raise error.__cause__ from None
            raise
        write(store, None)


def _for_writing(make_session: Callable[..., Any]) -> dict[str, bool]:
    """Newer versions give a session that only reads, unless asked for another."""
    return {"read_only": False} if "read_only" in inspect.signature(make_session).parameters else {}

"""Experiments: where runs and datasets belong."""

from __future__ import annotations

from burnish.errors import InvalidInput, NotFound
from burnish.tracking.mlflow.connection import Connection

_PAGE = 1000
_MAX_ID = 2**63 - 1  # a larger number makes the database fail rather than answer


class Experiments:
    """Experiments over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def exists(self, experiment_id: str) -> bool:
        """Whether there is an experiment of this id that is not deleted."""
        if not experiment_id or (experiment_id.isdecimal() and int(experiment_id) > _MAX_ID):
            return False
        try:
            with self._connection.tracking("experiment", experiment_id) as store:
                found = store.get_experiment(experiment_id)
        except (NotFound, InvalidInput):
            return False
        return bool(found.lifecycle_stage == "active")

    def active_ids(self) -> list[str]:
        """Of all experiments that are not deleted."""
        found: list[str] = []
        token = None
        with self._connection.tracking() as store:
            while True:
                page = store.search_experiments(max_results=_PAGE, page_token=token)
                found += [str(experiment.experiment_id) for experiment in page]
                token = page.token
                if not token:
                    return found

    def ensure(self, name: str) -> str:
        """Id of the experiment of this name, made if need be.

        Raises:
            InvalidInput: it has been deleted.
        """
        with self._connection.tracking("experiment", name) as store:
            from mlflow.exceptions import MlflowException

            found = store.get_experiment_by_name(name)
            if found is None:
                try:
                    return str(store.create_experiment(name))
                except MlflowException as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":
                        raise
                    found = store.get_experiment_by_name(name)  # made by another just now
        if found.lifecycle_stage != "active":
            raise InvalidInput.of(
                "experiment", name, "this experiment has been deleted; restore it or choose another name"
            )
        return str(found.experiment_id)

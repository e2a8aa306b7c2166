"""What may somebody do? Requests to MLflow whose refusal answers that, and which change nothing.

MLflow has no endpoint that says what a user may do, and its rules differ between its versions and plugins.
So it is asked for something that needs the permission in question, in a form that its handler refuses when
its guard has let it pass: a run whose start time is no number, an experiment restored that is not deleted,
a prompt version without a source.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from burnish.access.protocol import Kind, Need, NewJob, Permission

_API = "/api/2.0/mlflow"
_JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
_GATEWAY = "gateway:/"


@dataclass(frozen=True, slots=True)
class Question:
    """A request to MLflow.

    Attributes:
        needs_active: the id of an experiment that must not be deleted, or the request would have an effect.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    needs_active: str | None = None

    @property
    def path_in_process(self) -> str:
        """The path for MLflow's own pages: the one that every version puts its static prefix before."""
        prefix = os.environ.get("_MLFLOW_STATIC_PREFIX", "").rstrip("/")
        return f"{prefix}/ajax-api/{self.path.removeprefix('/api/')}"


WHO = Question("GET", f"{_API}/experiments/search", {"max_results": "1"})
"""Is there anybody behind these credentials? It answers 200 to every user."""

CURRENT_USER = Question("GET", f"{_API}/users/current")
"""Since MLflow 3.10: the user's name."""


def question_of(need: Need) -> Question:
    """The request that needs exactly this.

    Raises:
        ValueError: nothing of ours asks for that.
    """
    match need:
        case Need(Permission.READ, Kind.EXPERIMENT, experiment_id):
            return Question("GET", f"{_API}/experiments/get", {"experiment_id": experiment_id})
        case Need(Permission.UPDATE, Kind.EXPERIMENT, experiment_id):
            body = {"experiment_id": experiment_id, "start_time": "never"}
            return Question("POST", f"{_API}/runs/create", body=body)
        case Need(Permission.DELETE, Kind.EXPERIMENT, experiment_id):
            body = {"experiment_id": experiment_id}
            return Question("POST", f"{_API}/experiments/restore", body=body, needs_active=experiment_id)
        case Need(Permission.READ, Kind.PROMPT, name):
            return Question("GET", f"{_API}/registered-models/get", {"name": name})
        case Need(Permission.UPDATE, Kind.PROMPT, name):
            return Question("POST", f"{_API}/model-versions/create", body={"name": name})
        case _:
            raise ValueError(f"there is no question for {need}")


def experiments_of_dataset(dataset_id: str) -> Question:
    return Question("GET", f"/api/3.0/mlflow/datasets/{quote(dataset_id, safe='')}/experiment-ids")


_LISTS = {
    Kind.EXPERIMENT: ("POST", f"{_API}/experiments/search", "experiments", "experiment_id"),
    Kind.PROMPT: ("GET", f"{_API}/registered-models/search", "registered_models", "name"),
    Kind.DATASET: ("POST", "/api/3.0/mlflow/datasets/search", "datasets", "dataset_id"),
}


def page_of(kind: Kind, page_token: str, experiment_ids: Collection[str] = ()) -> Question:
    """A page of what the user may read; of experiments the deleted ones too.

    Args:
        experiment_ids: those whose datasets are looked for.
    """
    method, path, _, _ = _LISTS[kind]
    asked: dict[str, Any] = {"page_token": page_token} if page_token else {}
    match kind:
        case Kind.EXPERIMENT:
            asked |= {"max_results": 1000, "view_type": "ALL"}
        case Kind.PROMPT:
            asked |= {"max_results": "1000", "filter": "tags.`mlflow.prompt.is_prompt` = 'true'"}
        case Kind.DATASET:
            asked |= {"max_results": 1000, "experiment_ids": sorted(experiment_ids)}
    return Question(method, path, asked) if method == "GET" else Question(method, path, body=asked)


def read_page(kind: Kind, answer: Mapping[str, Any]) -> tuple[list[str], str]:
    """Names, and the token of the next page."""
    _, _, entries, name = _LISTS[kind]
    return [entry[name] for entry in answer.get(entries, ())], answer.get("next_page_token", "")


def questions_of_new_job(wanted: NewJob) -> Iterator[Question]:
    """What MLflow's own endpoint asks of a job; its handler refuses one without an optimizer."""
    gateways = [model for model in wanted.models if model.startswith(_GATEWAY)]
    settings = [json.dumps({"reflection_model": model}) for model in dict.fromkeys(gateways)]
    for position, uri in enumerate(wanted.prompt_uris):
        for asked in (settings or [""]) if position == 0 else [""]:
            config = {"scorers": list(wanted.scorers), "optimizer_config_json": asked}
            body = {"experiment_id": wanted.experiment_id, "source_prompt_uri": uri, "config": config}
            yield Question("POST", _JOBS, body=body)

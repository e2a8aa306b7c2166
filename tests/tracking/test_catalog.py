"""Both catalogs keep one contract; what is registered is read as data."""

from __future__ import annotations

import json

import pytest

from burnish.tracking.catalog import Catalog
from burnish.tracking.memory import FakeTracker
from burnish.tracking.memory_catalog import FakeCatalog
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.protocol import Tracker
from burnish.tracking.testing import fresh
from burnish.tracking.testing_catalog import CatalogContract


class TestMlflowCatalog(CatalogContract):
    @pytest.fixture
    def tracker(self, shared: MlflowTracker) -> Tracker:
        return shared

    @pytest.fixture
    def catalog(self, shared: MlflowTracker) -> Catalog:
        return shared.catalog

    def test_registered_scorers_are_data(self, shared: MlflowTracker) -> None:
        from mlflow.genai.judges import make_judge

        experiment_id = shared.ensure_experiment(fresh("exp"))
        judge = make_judge(
            name="tone",
            instructions="Is {{ outputs }} kind?",
            model="openai:/small",
            feedback_value_type=bool,
        )
        with shared._connection.tracking() as store:  # judge.register() needs MLflow's global tracking URI
            store.register_scorer(experiment_id, judge.name, json.dumps(judge.model_dump()))
        (found,) = shared.catalog.scorers(experiment_id).items()
        assert found[0] == "tone"
        assert found[1]["instructions_judge_pydantic_data"]["instructions"] == "Is {{ outputs }} kind?"


class TestFakeCatalog(CatalogContract):
    @pytest.fixture
    def tracker(self) -> Tracker:
        return FakeTracker()

    @pytest.fixture
    def catalog(self, tracker: FakeTracker) -> Catalog:
        return FakeCatalog(tracker)

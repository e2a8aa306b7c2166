"""Both catalogs keep one contract; what is registered is read as data."""

from __future__ import annotations

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
        import mlflow
        from mlflow.genai.judges import make_judge

        experiment_id = shared.ensure_experiment(fresh("exp"))
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(shared.address.tracking_uri)
        try:
            judge = make_judge(
                name="tone",
                instructions="Is {{ outputs }} kind?",
                model="openai:/small",
                feedback_value_type=bool,
            )
            judge.register(experiment_id=experiment_id)
        finally:
            mlflow.set_tracking_uri(before)
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

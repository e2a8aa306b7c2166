"""What every catalog promises, as tests. Subclass ``CatalogContract`` for an implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Message, Prompt
from burnish.errors import InvalidInput, NotFound
from burnish.tracking.catalog import Catalog, PageRequest
from burnish.tracking.protocol import Tracker
from burnish.tracking.testing import fresh


class CatalogContract(ABC):
    """Promises of :class:`~burnish.tracking.catalog.Catalog`."""

    @pytest.fixture
    @abstractmethod
    def tracker(self) -> Tracker:
        """What is written by, at the same place."""

    @pytest.fixture
    @abstractmethod
    def catalog(self) -> Catalog:
        """The catalog under test."""

    def test_experiments_are_found_by_a_part_of_their_name(self, tracker: Tracker, catalog: Catalog) -> None:
        name = fresh("Exp")
        experiment_id = tracker.ensure_experiment(name)
        found = catalog.experiments(PageRequest(name.upper()[1:])).entries
        assert [(entry.experiment_id, entry.name) for entry in found] == [(experiment_id, name)]
        assert experiment_id in {entry.experiment_id for entry in catalog.experiments(PageRequest()).entries}
        assert catalog.experiments(PageRequest(fresh("none"))).entries == []
        assert catalog.experiments(PageRequest(f"{name}' OR name ILIKE '%")).entries == []

    def test_lists_come_in_pages(self, tracker: Tracker, catalog: Catalog) -> None:
        stem = fresh("paged")
        names = [f"{stem}-{n}" for n in range(5)]
        for name in names:
            tracker.ensure_prompt(Prompt(name=name, template="{{x}}"))
        seen: list[str] = []
        token: str | None = None
        while True:
            page = catalog.prompts(PageRequest(stem, max_results=2, page_token=token))
            seen += [entry.name for entry in page.entries]
            if (token := page.next_page_token) is None:
                break
        assert seen == names

    def test_a_page_token_that_is_none(self, catalog: Catalog) -> None:
        for listing in (catalog.experiments, catalog.prompts, catalog.datasets):
            with pytest.raises(InvalidInput) as refused:
                listing(PageRequest(page_token="{nothing}"))
            assert refused.value.problems[0].field == "page_token"

    def test_versions_have_texts_variables_aliases_and_model(
        self, tracker: Tracker, catalog: Catalog
    ) -> None:
        name = fresh("prompt")
        model = {"provider": "openai", "model_name": "small"}
        tracker.ensure_prompt(Prompt(name=name, template="Judge {{review}}", model_config=model))
        chat = (Message("system", "Be {{tone}}."), Message("user", "{{review}}"))
        tracker.ensure_prompt(Prompt(name=name, template=chat))
        tracker.set_alias(name, "production", 1)
        tracker.set_alias(name, "best", 1)
        second, first = catalog.versions(name)
        assert (first.version, first.aliases, first.prompt.template) == (
            1,
            ("best", "production"),
            "Judge {{review}}",
        )
        assert first.prompt.model_config == model
        assert (second.version, second.aliases, second.prompt.template) == (2, (), chat)
        assert second.prompt.uri == f"prompts:/{name}/2"
        (entry,) = catalog.prompts(PageRequest(name)).entries
        assert (entry.name, entry.latest_version) == (name, 2)

    @pytest.mark.parametrize("name", ["none", "", "a'b", "a\\b", "\0", 'a"b'])
    def test_a_prompt_that_there_is_not(self, catalog: Catalog, name: str) -> None:
        with pytest.raises(NotFound):
            catalog.versions(name)

    def test_datasets_and_their_first_records(self, tracker: Tracker, catalog: Catalog) -> None:
        experiment_id = tracker.ensure_experiment(fresh("exp"))
        name = fresh("reviews")
        rows = [({"review": f"r{n}"}, {"expected_response": n}) for n in range(30)]
        dataset_id = tracker.ensure_dataset(Dataset.of(rows, name), experiment_id).dataset_id
        assert dataset_id is not None
        (entry,) = catalog.datasets(PageRequest(name)).entries
        assert (entry.dataset_id, entry.name, entry.records) == (dataset_id, name, 30)
        assert catalog.experiments_of_dataset(dataset_id) == [experiment_id]
        listed = catalog.datasets(PageRequest(), experiment_id).entries
        assert dataset_id in {found.dataset_id for found in listed}
        found, records = catalog.records(dataset_id, 20)
        assert found == entry
        assert len(records) == 20
        assert all(record in rows for record in records)
        with pytest.raises(NotFound):
            catalog.records("d-none", 20)
        with pytest.raises(NotFound):
            catalog.experiments_of_dataset("d-none")

    def test_nothing_is_registered_in_an_experiment_that_there_is_not(self, catalog: Catalog) -> None:
        assert catalog.scorers("987654321") == {}

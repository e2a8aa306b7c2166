"""What the API needs of the process it runs in; ``bootstrap`` provides it."""

from __future__ import annotations

from typing import Protocol

from burnish.service.catalog import JobCatalog
from burnish.service.datasets import Datasets
from burnish.service.demo import Demo
from burnish.service.jobs import Jobs
from burnish.service.prompts import Prompts
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import Tracker


class Services(Protocol):
    """Use cases, and the ports they stand on."""

    @property
    def jobs(self) -> Jobs: ...
    @property
    def prompts(self) -> Prompts: ...
    @property
    def catalog(self) -> JobCatalog: ...
    @property
    def datasets(self) -> Datasets: ...
    @property
    def demo(self) -> Demo: ...
    @property
    def store(self) -> JobStore: ...
    @property
    def tracker(self) -> Tracker: ...

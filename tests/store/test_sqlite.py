"""The store on SQLite keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from burnish.store.protocol import JobStore
from burnish.store.testing import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture(autouse=True)
    def _database(
        self, sqlite_uri: str, open_store: Callable[..., AbstractAsyncContextManager[JobStore]]
    ) -> None:
        self.uri, self.open_store = sqlite_uri, open_store

    def open(
        self, clock_ms: Callable[[], int] | None = None, hand_over: Callable[..., None] | None = None
    ) -> AbstractAsyncContextManager[JobStore]:
        return self.open_store(self.uri, clock_ms, hand_over)

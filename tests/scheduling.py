"""Which tests share a worker, and which come first, when tests run in several processes.

Loaded as a plugin by ``conftest.py``.
"""

from __future__ import annotations

from typing import Any

import pytest

# Where most time goes. What takes long begins first, or one worker is left with it at the end.
_FIRST = (
    "tests/ui/",
    "tests/apps/",
    "tests/acceptance/",
    "tests/access/",
    "tests/llm/test_local.py",
    "tests/cli/",
    "tests/worker/",
    "tests/tracking/",
    "tests/store/",
    "tests/examples/",
)
# Two groups of browser tests: one looks at the same jobs, which it takes a server some time to make.
_UI_WITH_JOBS_OF_THEIR_OWN = ("test_live.py", "test_new.py", "test_sign_in.py", "test_under_mlflow.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(node_id: str) -> int:
    return next((rank for rank, path in enumerate(_FIRST) if node_id.startswith(path)), len(_FIRST))


def scope_of(node_id: str) -> str:
    """What goes to one worker as a whole: a class, or else a module; of the browser tests, each group."""
    if not node_id.startswith("tests/ui/"):
        return node_id.rpartition("::")[0]
    file = node_id.removeprefix("tests/ui/").partition("::")[0]
    return f"tests/ui, {'jobs of their own' if file in _UI_WITH_JOBS_OF_THEIR_OWN else 'shared jobs'}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As ``--dist loadscope``, with our scopes in our order."""
    from xdist.scheduler import LoadScopeScheduling

    class ScopeScheduling(LoadScopeScheduling):  # type: ignore[misc, unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    config.option.loadscopereorder = False
    return ScopeScheduling(config, log)

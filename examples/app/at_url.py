"""The help desk as ``burnish app serve at_url:answer`` serves it, with a list of what it has answered."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from desk import Desk

LOG = Path("answered.txt")
_desk = Desk("prompts:/desk_topic/1", "prompts:/desk_answer/1")
_lock = threading.Lock()


def answer(question: str) -> str:
    found = str(_desk.answer(question))
    with _lock, LOG.open("a") as log:
        log.write(json.dumps([_desk.texts(), question]) + "\n")
    return found

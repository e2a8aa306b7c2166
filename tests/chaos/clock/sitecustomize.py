"""A wall clock that can jump: processes started with this folder on their path add an offset from a file.

Only ``time.time`` and ``time.time_ns`` jump, as on a machine whose clock is set; monotonic clocks do not.
"""

import os
import time

_FILE = os.environ.get("CHAOS_CLOCK_FILE")
_LOOK_EVERY_SECONDS = 0.1


class _Offset:
    def __init__(self, file: str) -> None:
        self._file = file
        self._looked_at = float("-inf")
        self._seconds = 0.0

    def seconds(self) -> float:
        if time.monotonic() - self._looked_at > _LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            try:
                with open(self._file) as file:  # noqa: PTH123 - pathlib is not imported before main
                    self._seconds = float(file.read() or 0)
            except OSError:
                self._seconds = 0.0
        return self._seconds


if _FILE:
    _offset, _time, _time_ns = _Offset(_FILE), time.time, time.time_ns
    time.time = lambda: _time() + _offset.seconds()
    time.time_ns = lambda: _time_ns() + int(_offset.seconds() * 1_000_000_000)

"""Server-sent events, read without I/O (HTML Living Standard, 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: the id it carries, empty where it has none, and its data."""

    event_id: str
    data: str


@dataclass(slots=True)
class EventStream:
    """Give it the bytes as they come; it gives the events as they are complete."""

    _rest: bytes = b""
    _id: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, part: bytes) -> Iterator[StreamEvent]:
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").removesuffix("\r")
            if text:
                self._field(text)
            elif self._data:
                yield StreamEvent(self._id, "\n".join(self._data))
                self._data.clear()

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)

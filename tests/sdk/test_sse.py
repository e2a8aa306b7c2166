"""Server-sent events come out whole, however the bytes were cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from burnish.sdk.sse import EventStream, StreamEvent

STREAM = (
    b': heartbeat\n\nid: 1\ndata: {"a": "\xc3\xa4"}\n\nretry: 5\n\n'
    b"id:2\r\ndata:one\r\ndata: two\r\n\r\ndata: x\n"
)
EXPECTED = [StreamEvent("1", '{"a": "ä"}'), StreamEvent("2", "one\ntwo")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cut_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    stream = EventStream()
    found = [event for start, end in pairwise(edges) for event in stream.feed(STREAM[start:end])]
    assert found == EXPECTED

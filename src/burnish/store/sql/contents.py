"""Contents: written before or with the job that refers to them, gone with the last one that does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select

from burnish.store import tables
from burnish.store.contents import Chunk, Content
from burnish.store.database import Database
from burnish.store.sql.statements import claim, insert_new

_contents = tables.contents
_chunks = tables.content_chunks
_inputs = tables.job_inputs
_MOST_BYTES = 1_000_000  # of chunks in one transaction: other writers wait for no more than that


class ContentIncomplete(Exception):
    """Another transaction has removed a content between its preparation and its use: prepare it again."""


@dataclass(frozen=True, slots=True)
class PreparedContent:
    """A content ready to be referred to.

    Attributes:
        rows: chunks still to be written, with the reference; empty where all are there.
    """

    digest: str
    size: int
    rows: Sequence[dict[str, Any]] = ()


class Contents:
    """Contents of one database."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def prepare(self, content: Content) -> PreparedContent:
        """Encode a content that is not there yet. A small one is written together with what refers to it;
        the chunks of a large one are written now, in several short transactions.

        Raises:
            StoreUnavailable
        """
        there = select(_contents.c.digest).where(_contents.c.digest == content.digest)
        if await self._database.read(lambda connection: connection.scalar(there)) is not None:
            return PreparedContent(content.digest, content.size)
        batches = self._batches(content)
        batch, following = await asyncio.to_thread(lambda: (next(batches, []), next(batches, [])))
        if not following:
            return PreparedContent(content.digest, content.size, batch)
        while batch:
            await self._database.write(partial(insert_new, table=_chunks, rows=batch))
            batch, following = following, await asyncio.to_thread(next, batches, [])
        return PreparedContent(content.digest, content.size)

    def _batches(self, content: Content) -> Iterator[list[dict[str, Any]]]:
        batch, size = [], 0
        for chunk in content.chunks():
            batch.append(
                {
                    "digest": content.digest,
                    "first": chunk.first,
                    "size": chunk.size,
                    "body": chunk.body,
                    "written_timestamp_ms": self._clock_ms(),
                }
            )
            size += len(chunk.body)
            if size >= _MOST_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    async def prune(self, written_before_ms: int) -> int:
        orphans = _chunks.c.digest.not_in(select(_contents.c.digest))
        old = _chunks.c.written_timestamp_ms < written_before_ms

        def remove(connection: Connection) -> int:
            query = select(_chunks.c.digest).where(orphans, old).distinct()
            digests = connection.scalars(query).all()
            for digest in digests:
                connection.execute(delete(_chunks).where(_chunks.c.digest == digest, orphans))
            return len(digests)

        return await self._database.write(remove)


# --- inside a transaction


def refer_to(connection: Connection, content: PreparedContent) -> None:
    """See to it that the content is there and stays until this transaction ends.

    Raises:
        ContentIncomplete
    """
    insert_new(connection, _chunks, content.rows)
    if claim(connection, _contents, {"digest": content.digest, "size": content.size}):
        written = select(func.sum(_chunks.c.size)).where(_chunks.c.digest == content.digest)
        if (connection.scalar(written) or 0) != content.size:
            raise ContentIncomplete(content.digest)
        return
    # Its last job may be going at this moment: whoever has the lock first decides.
    row = select(_contents.c.digest).where(_contents.c.digest == content.digest)
    if connection.scalar(row.with_for_update(read=True, key_share=True)) is None:
        raise ContentIncomplete(content.digest)


def release(connection: Connection, digests: Collection[str]) -> None:
    """Remove those contents that no job refers to any more."""
    locked = select(_contents.c.digest).where(_contents.c.digest.in_(digests)).order_by(_contents.c.digest)
    connection.execute(locked.with_for_update())  # what refers to one at this moment commits first
    for digest in digests:
        used = select(_inputs.c.job_id).where(
            or_(_inputs.c.records_digest == digest, _inputs.c.splits_digest == digest)
        )
        if connection.execute(used.limit(1)).first() is None:
            connection.execute(delete(_chunks).where(_chunks.c.digest == digest))
            connection.execute(delete(_contents).where(_contents.c.digest == digest))


def read_chunks(connection: Connection, digest: str, start: int = 0) -> Iterator[Chunk]:
    """From the one that holds the entry at position ``start``."""
    query = (
        select(_chunks.c.first, _chunks.c.size, _chunks.c.body)
        .where(_chunks.c.digest == digest, _chunks.c.first + _chunks.c.size > start)
        .order_by(_chunks.c.first)
    )
    for row in connection.execute(query):
        yield Chunk(row.first, row.size, row.body)

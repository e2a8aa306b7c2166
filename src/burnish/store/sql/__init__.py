"""The store on SQLite or PostgreSQL: one part for each kind of record, put together in ``job_store``.

Parts know tables, rows and the database; they do not know each other.
"""

from burnish.store.sql.job_store import SqlJobStore

__all__ = ["SqlJobStore"]

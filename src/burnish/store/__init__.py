"""All state: what a store promises (``protocol``), on SQLite and PostgreSQL (``sql``), searched (``search``).

May import the domain, ``concurrency``, ``errors`` and ``redaction``.
"""

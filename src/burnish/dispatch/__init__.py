"""How a job reaches a worker, at least once: in this process, or by Procrastinate on PostgreSQL.

May import the domain, ``concurrency`` and ``errors``; others know only ``protocol``.
"""

"""The only road to a language model: calls with their budget, limits, journal and retries.

May import ``domain``, ``concurrency``, ``errors`` and ``redaction``. Others know only ``protocol``.
"""

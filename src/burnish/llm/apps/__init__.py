"""Apps that answer over HTTP, in the place of a model. The protocol is the page ``docs/app-protocol.md``.

Like a provider of ``llm``: one request, one answer, and the gateway keeps budget, journal and retries.
"""

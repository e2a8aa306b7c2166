"""The HTTP API: routes from the protos, streams of events, sign-in, the page, and MLflow's app behind it.

May import everything but ``bootstrap``, ``cli`` and ``sdk``; what a request means stands in ``service``.
"""

"""What an operator sees: metrics, traces and the checks of ``burnish doctor``.

Nothing here changes what a job does. ``bootstrap`` hands :class:`~burnish.observability.telemetry.Telemetry`
to the gateway and the worker, which tell it what happens.
"""

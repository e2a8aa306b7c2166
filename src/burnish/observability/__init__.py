"""What an operator sees of a running process: metrics, traces and logs.

Nothing here changes what a job does. ``bootstrap`` hands :class:`~burnish.observability.telemetry.Telemetry`
to the gateway and the worker, which report to it. ``logs`` sets up the process's log lines. May import what
the worker may.
"""

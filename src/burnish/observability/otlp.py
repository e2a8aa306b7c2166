"""Whether traces are wanted and where they go, by OpenTelemetry's own variables.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``..._TRACES_ENDPOINT``) switches traces on; all other variables of
https://opentelemetry.io/docs/specs/otel/protocol/exporter/ (headers, timeout, certificates, sampler,
resource attributes) count as they do everywhere. The exporter is an optional package.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from burnish.observability.tracing import Traces

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_GRPC, _HTTP = "grpc", "http"


def asked_for_by(environment: Mapping[str, str]) -> str | None:
    """The variable that switches traces on, or ``None``."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if off or environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return None
    return next((name for name in _ENDPOINTS if environment.get(name, "").strip()), None)


def missing_package(environment: Mapping[str, str]) -> str | None:
    """What to install before traces can be sent, as an argument of ``pip install``; or ``None``."""
    kind = _kind(environment)
    try:
        found = find_spec(_module(kind)) is not None
    except ModuleNotFoundError:
        found = False
    if found:
        return None
    return "'burnish[otlp]'" if kind == _HTTP else "opentelemetry-exporter-otlp-proto-grpc"


def open_traces(environment: Mapping[str, str]) -> Traces:
    """Traces to the collector that the environment names. Nothing is sent yet.

    Raises:
        ModuleNotFoundError: see :func:`missing_package`.
    """
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from burnish.observability.tracing import Traces

    named = "OTEL_SERVICE_NAME" in environment or SERVICE_NAME in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create({} if named else {SERVICE_NAME: "burnish"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = import_module(_module(_kind(environment))).OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


def _kind(environment: Mapping[str, str]) -> str:
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    return _GRPC if protocol.strip().lower() == _GRPC else _HTTP


def _module(kind: str) -> str:
    return f"opentelemetry.exporter.otlp.proto.{kind}.trace_exporter"

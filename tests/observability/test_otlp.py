"""Traces leave the process when OpenTelemetry's own variables say so, and only then."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from structlog.testing import capture_logs

from burnish.domain.usage import Role, Usage
from burnish.llm.gateway import CallReport
from burnish.observability import otlp
from burnish.observability.telemetry import telemetry_of

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
REPORT = CallReport(model="openai:/m", role=Role.TARGET, seconds=0.5, tries=1, usage=Usage(1, 2, 3))


class Collector(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_reach_the_collector(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(EXPORTER)
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    endpoint = f"http://127.0.0.1:{collector.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    telemetry = telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    telemetry.called(REPORT)
    await telemetry.close()
    ((path, body),) = collector.received
    assert path == "/v1/traces"
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    named = {entry.key: entry.value.string_value for entry in sent.resource.attributes}
    assert named["service.name"] == "burnish"
    assert [span.name for span in sent.scope_spans[0].spans] == ["chat openai:/m"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_off(environment: dict[str, str]) -> None:
    assert otlp.asked_for_by(environment) is None


def test_asked_for_and_not_installed_is_said_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    environment = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://user:secret@c"}
    with capture_logs() as lines:
        telemetry = telemetry_of(environment)
    telemetry.called(REPORT)
    (line,) = lines
    assert line["remedy"] == "pip install 'burnish[otlp]'"
    assert line["variable"] == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    assert "secret" not in str(line)


def test_the_other_protocol_has_another_package() -> None:
    missing = otlp.missing_package({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert missing in (None, "opentelemetry-exporter-otlp-proto-grpc")

"""The OpenAPI document is made from the protos, and what it promises holds."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import jsonschema
import pytest

import burnish
from burnish.api.docs import page
from burnish.api.openapi import document
from burnish.api.routes import BASE_PATHS, SERVICE
from burnish.api.testing import play_job, server_elsewhere


def test_every_method_of_the_service_is_there_with_its_comment() -> None:
    operations = [
        operation for operations in document()["paths"].values() for operation in operations.values()
    ]
    named = {operation["operationId"].partition("With")[0] for operation in operations}
    assert named == {method.name for method in SERVICE.methods}
    assert all(operation["description"] and operation["summary"] for operation in operations)


def test_comments_of_the_protos_are_the_descriptions() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["Usage"]["properties"]["usd"]["description"].startswith("US dollars; left out")
    assert "- `BUDGET`: A limit of the budget" in schemas["PromptOptimizationJob.StopReason"]["description"]


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"].rpartition("/")[2]
            for entry in value.values():
                yield from walk(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from walk(entry)

    assert set(walk(document())) <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_page_loads_nothing_from_anywhere() -> None:
    text = page(document())
    assert "/{job_id}/candidates/{candidate_id}" in text
    assert "<script" not in text
    assert "//" not in text.replace("prompts:/", "").replace("openai:/", "").replace("://", "//", 0)


@dataclass
class Target:
    """A server with one finished job."""

    url: str
    job_id: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with server_elsewhere(tmp_path_factory.mktemp("openapi")) as running:
        with burnish.Client(running.url) as client:
            services = running.services
            job = client.create_job(
                services.source(), experiment_id="0", dataset_id=services.dataset(), scorers=["exact_match"]
            )
        running.run(play_job(services, job.job_id))
        yield Target(running.url, job.job_id)


@pytest.fixture(scope="module")
def api_schema(server: Target) -> Any:
    import schemathesis  # seconds, and every worker reads this file

    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def ends(operation: dict[str, Any]) -> bool:
    """Whether its answer has an end: a stream of the list has none."""
    return "application/json" in operation["responses"]["200"]["content"]


@pytest.mark.parametrize(
    ("path", "verb"),
    [
        (path, verb)
        for path, verbs in document()["paths"].items()
        for verb, operation in verbs.items()
        if ends(operation)
    ],
)
def test_no_request_makes_a_server_error_and_answers_are_as_documented(
    api_schema: Any, server: Target, path: str, verb: str
) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    promises = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]

    @hypothesis.given(case=api_schema[path][verb].as_strategy())
    @hypothesis.settings(
        max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    def ask(case: Any) -> None:
        if "job_id" in case.path_parameters and verb == "get":
            case.path_parameters["job_id"] = server.job_id  # reach beyond "does not exist"
        answer = case.call()
        if answer.headers.get("content-type", [""])[0].startswith("application/json"):
            case.validate_response(answer, checks=promises)
        else:
            assert answer.status_code in (200, 204)  # a stream, or its end

    ask()


def test_the_ajax_paths_answer_too(server: Target) -> None:
    with urllib.request.urlopen(f"{server.url}{BASE_PATHS[1]}/{server.job_id}") as answer:
        assert answer.status == 200

"""Prompt-optimization jobs through plain HTTP: nothing but the standard library.

Start a server in one terminal and run this in another:

    burnish server
    python examples/rest_jobs.py

It registers a prompt and a data set in MLflow, creates a job, watches it to its end, lists what is
there, cancels a second job, and deletes both.
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.error
import urllib.request
from typing import Any

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
FINAL = {"JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED", "JOB_STATUS_CANCELED"}
PROMPT = "What is the sentiment of this review?\n\n{{review}}"
POSITIVE = ["great fun", "a charming film", "I loved it", "excellent and wonderful", "the best of the year"]
NEGATIVE = ["a dull mess", "boring", "I hated it", "awful and terrible", "a waste of an evening"]


class Server:
    """A server's URL, and how to ask it."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of the answer. An error's message ends the program."""
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None


def register_prompt(server: Server, name: str) -> str:
    """A new version of a prompt, by MLflow's model registry. Returns its URI."""
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    text = {"key": "mlflow.prompt.text", "value": PROMPT}
    server.ask("POST", "/api/2.0/mlflow/registered-models/create", {"name": name, "tags": [is_prompt]})
    version = {"name": name, "source": "prompt-template", "tags": [is_prompt, text]}
    made = server.ask("POST", "/api/2.0/mlflow/model-versions/create", version)["model_version"]
    return f"prompts:/{name}/{made['version']}"


def create_dataset(server: Server, name: str) -> str:
    """Forty labelled reviews as one of MLflow's evaluation data sets. Returns its id."""
    records = [
        {"inputs": {"review": f"Film {n}: {words}."}, "expectations": {"expected_response": label}}
        for label, phrases in (("positive", POSITIVE), ("negative", NEGATIVE))
        for n, words in enumerate(phrases * 4)
    ]
    made = server.ask("POST", "/api/3.0/mlflow/datasets/create", {"name": name, "experiment_ids": ["0"]})
    dataset_id = made["dataset"]["dataset_id"]
    server.ask("POST", f"/api/3.0/mlflow/datasets/{dataset_id}/records", {"records": json.dumps(records)})
    return str(dataset_id)


def wait(server: Server, job_id: str) -> dict[str, Any]:
    """Poll until the job has ended."""
    while True:
        job = server.ask("GET", f"{JOBS}/{job_id}")["job"]
        state = job["state"]
        if progress := state.get("progress"):
            print(f"  {progress['phase']}: {progress['completed']}/{progress['total']} {progress['unit']}")
        if state["status"] in FINAL:
            return dict(job)
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:5000")
    parser.add_argument("--token", help="bearer token, where the server asks for one")
    parser.add_argument("--model", default="local:/smollm2", help="the model that answers the prompt")
    arguments = parser.parse_args()
    server = Server(arguments.url, arguments.token)

    stamp = time.strftime("%Y%m%d-%H%M%S")
    prompt = register_prompt(server, f"sentiment-{stamp}")
    dataset_id = create_dataset(server, f"reviews-{stamp}")
    print(f"prompt {prompt}, data set {dataset_id}")

    request: dict[str, Any] = {
        "experiment_id": "0",
        "source_prompt_uri": prompt,
        "config": {
            "optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH",
            "dataset_id": dataset_id,
            "scorers": ["exact_match"],
            "model": arguments.model,
            "max_output_tokens": 8,
            "budget": {"max_calls": 300},
        },
        "tags": [{"key": "example", "value": stamp}],
    }
    estimate = server.ask("POST", f"{JOBS}/estimate", request)["estimate"]
    print(f"it will take {estimate['calls_low']} to {estimate['calls_high']} calls")

    first = server.ask("POST", JOBS, request, **{"Idempotency-Key": f"{stamp}-1"})["job"]
    again = server.ask("POST", JOBS, request, **{"Idempotency-Key": f"{stamp}-1"})["job"]
    assert again["job_id"] == first["job_id"], "the same key makes the same job"
    print(f"job {first['job_id']}")

    job = wait(server, first["job_id"])
    print(f"{job['state']['status']}: {job['state'].get('error_message', '')}")
    if test := job.get("test_scores"):
        print(f"sealed test {test['initial']:.2f} → {test['final']:.2f}: {job['verdict']}")
        print(f"new version: {job.get('optimized_prompt_uri', 'none, nothing beat the source')}")

    second = server.ask("POST", JOBS, {**request, "config": {**request["config"], "seed": 1}})["job"]
    server.ask("POST", f"{JOBS}/{second['job_id']}/cancel")
    print(f"job {second['job_id']}: {wait(server, second['job_id'])['state']['status']}")

    found = server.ask(
        "POST", f"{JOBS}/search", {"experiment_id": "0", "filter": f"tags.example = '{stamp}'"}
    )
    for entry in found["jobs"]:
        print(f"listed: {entry['job_id']} {entry['state']['status']}")

    for entry in found["jobs"]:
        server.ask("DELETE", f"{JOBS}/{entry['job_id']}")
        print(f"deleted: {entry['job_id']}")


if __name__ == "__main__":
    main()

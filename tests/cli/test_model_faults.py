"""A model that does not answer: exit 2 before anything is written, exit 1 once the job has begun."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted_server import ScriptedServer
from tests.cli.conftest import Folder, Said

Burnish = Callable[..., Said]


def optimize(burnish: Burnish, folder: Folder, *more: object) -> Said:
    return burnish(
        *("optimize", "--prompt", folder.prompt, "--data", folder.data, "--model", "openai:/some-model"),
        *("--call-timeout", 0.3, "--max-calls", 120, *more),
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", "OPENAI_API_KEY"),
        ("404", "some-model"),
        ("429", "429"),
        ("500", "500"),
        ("garbage", "openai:/some-model"),
        ("hang", "0.3 s"),
        ("empty", "nothing"),
    ],
)
def test_a_model_that_does_not_answer_is_refused_and_nothing_is_left(
    burnish: Burnish, folder: Folder, server: ScriptedServer, fault: str, words: str
) -> None:
    server.faults = Faults(shares={fault: 1.0})
    said = optimize(burnish, folder)
    assert said.exit_code == 2, said
    assert said.stdout == ""
    assert "error: model: " in said.stderr
    assert words in said.stderr
    assert "sk-test" not in said.stderr
    assert folder.left_behind() == set()


def test_a_provider_that_goes_down_fails_the_job_and_registers_nothing(
    burnish: Burnish, folder: Folder, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("BURNISH_MAX_JOB_RETRIES", "0")
    server.faults = Faults(shares={"500": 1.0}, from_request=12)
    said = optimize(burnish, folder)
    assert said.exit_code == 1, said
    assert "FAILED" in said.stdout
    assert "--resume" in said.stdout
    client = MlflowClient(f"sqlite:///{folder.path / 'mlflow.db'}")
    assert [version.version for version in client.search_prompt_versions("sentiment")] == [1]
    (experiment,) = [e for e in client.search_experiments() if e.name == "burnish"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"

    server.faults = Faults()
    paid = server.statuses["200"]
    job_id = said.stdout.split("--resume ")[1].split()[0]
    resumed = burnish("optimize", "--resume", job_id)
    assert resumed.exit_code == 0, resumed
    assert "IMPROVED" in resumed.stdout
    assert f"{paid} calls were finished before; their answers are kept" in resumed.stderr
    answered_twice = [n for n in server.answered.values() if n > 1]
    assert not answered_twice, f"{paid} answers had been paid; some were asked again"


def test_a_review_of_200_kb_scores_0_and_the_job_goes_on(
    burnish: Burnish, folder: Folder, server: ScriptedServer
) -> None:
    import json

    huge = {"inputs": {"review": "dull " * 40_000}, "expectations": {"expected_response": "negative"}}
    folder.data.write_text(folder.data.read_text() + "\n" + json.dumps(huge))
    said = optimize(burnish, folder)
    assert said.exit_code == 0, said

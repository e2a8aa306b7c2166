"""One optimization of the help desk, in a process of its own; the last line it prints is its result as JSON.

python optimize.py mlflow | mlflow-with-burnish | killed | resume
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import mlflow
from desk import Desk, register_prompts
from mlflow.genai.scorers import scorer
from questions import RECORDS

import burnish

KILLED_AFTER = 45  # answers of the app: about half of what the search asks for
LOG = Path("answered.txt")


@scorer  # type: ignore[untyped-decorator]
def right(outputs: Any, expectations: Any) -> bool:
    return bool(outputs == expectations["expected_response"])


def main(how: str) -> None:
    uris = ["prompts:/desk_topic/1", "prompts:/desk_answer/1"]
    if how == "mlflow":
        uris = register_prompts()
    desk = Desk(*uris)
    given: dict[str, Any] = {
        "predict_fn": desk.answer,
        "train_data": RECORDS,
        "prompt_uris": uris,
        "scorers": [right],
    }
    if how == "mlflow":
        from mlflow.genai.optimize.optimizers import MetaPromptOptimizer

        given["train_data"] = RECORDS[:24]  # it evaluates all of them, and writes a trace of each
        optimizer = MetaPromptOptimizer(reflection_model="openai:/gpt-4o")
        result = mlflow.genai.optimize_prompts(**given, optimizer=optimizer)
        say(score=result.final_eval_score or result.initial_eval_score)
        return
    options: dict[str, Any] = {
        "reflection_model": "openai:/gpt-4o",
        "budget": {"max_calls": 500, "max_usd": 1.0},
        "seed": 1,
    }
    if how == "mlflow-with-burnish":
        ours = burnish.MlflowOptimizer("gepa", **options, store_uri="sqlite:///behind.db")
        result = mlflow.genai.optimize_prompts(**given, optimizer=ours)
        say(score=result.final_eval_score)
        return

    lock = threading.Lock()

    def answer(question: str) -> str:
        """The app, which keeps a list of what it has finished."""
        found = str(desk.answer(question))
        with lock, LOG.open("a") as log:
            log.write(json.dumps([desk.texts(), question]) + "\n")
            log.flush()
            if how == "killed" and len(LOG.read_text().splitlines()) >= KILLED_AFTER:
                os.kill(os.getpid(), signal.SIGKILL)
        return found

    result = burnish.optimize_prompts(
        **(given | {"predict_fn": answer}), optimizer="gepa", resume=how == "resume", concurrency=4, **options
    )
    total, test = result.usage.total, result.test_scores
    assert test is not None
    say(
        verdict=result.verdict,
        test={"initial": test.initial, "final": test.final},
        calls=total.calls,
        tokens=total.tokens,
        usd=total.usd,
        prompts={prompt.uri: prompt.template for prompt in result.optimized_prompts},
        twice=sum(times - 1 for times in Counter(LOG.read_text().splitlines()).values()),
    )


def say(**result: Any) -> None:
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])

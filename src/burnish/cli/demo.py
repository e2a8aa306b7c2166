"""``burnish demo``: the main job on sample data, with the model in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from burnish.cli.optimize import OptimizeRequest
from burnish.cli.optimize import run as run_optimize
from burnish.cli.output import stderr
from burnish.samples import SAMPLE_PROMPT, sample_reviews_path

MAX_CALLS = 520


def run(store_uri: str | None, tracking_uri: str | None) -> int:
    """Returns the exit code."""
    stderr().print(
        "A poor prompt, 208 short reviews and SmolLM2-135M in this process: no key, no server.\n"
        f"Source prompt: {SAMPLE_PROMPT!r}\n",
        markup=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "sentiment.txt"
        prompt.write_text(SAMPLE_PROMPT, encoding="utf-8")
        request = OptimizeRequest(
            prompts=(str(prompt),),
            data=str(sample_reviews_path()),
            name="burnish-demo-sentiment",
            options={"max_calls": MAX_CALLS, "max_output_tokens": 8},
            experiment="burnish-demo",
        )
        return run_optimize(request, store_uri=store_uri, tracking_uri=tracking_uri)

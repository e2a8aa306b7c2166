"""``burnish demo``: the main job on sample data, with the model in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from burnish.cli.optimize import OptimizeRequest
from burnish.cli.optimize import run as run_optimize
from burnish.cli.output import EXIT_OK, stderr, stdout
from burnish.samples import (
    DEMO_EXPERIMENT,
    DEMO_MAX_CALLS,
    DEMO_MAX_OUTPUT_TOKENS,
    DEMO_MODEL,
    DEMO_PROMPT_NAME,
    SAMPLE_PROMPT,
    sample_reviews_path,
)


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
            name=DEMO_PROMPT_NAME,
            options={
                "model": DEMO_MODEL,
                "budget_max_calls": DEMO_MAX_CALLS,
                "max_output_tokens": DEMO_MAX_OUTPUT_TOKENS,
            },
            experiment=DEMO_EXPERIMENT,
        )
        code = run_optimize(request, store_uri=store_uri, tracking_uri=tracking_uri)
    if code == EXIT_OK:
        line = "Your own data:    burnish optimize --prompt my.txt --data my.jsonl --scorer exact_match"
        stdout().print(line, soft_wrap=True)
    return code

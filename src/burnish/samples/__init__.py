"""The sample data of ``burnish demo`` and of the tests: short reviews, written for this project.

Each line of ``reviews.jsonl`` is a record in MLflow's form,
``{"inputs": {"review": ...}, "expectations": {"expected_response": "positive" | "negative"}}``;
half of them are positive.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SAMPLE_PROMPT = "What is the sentiment of this review?\n\n{{review}}"
"""A plausible first prompt, and a poor one: a small model chats about the review and never says the label."""

DEMO_PROMPT_NAME = "burnish-demo-sentiment"
DEMO_EXPERIMENT = "burnish-demo"
DEMO_MODEL = "local:/smollm2"
DEMO_MAX_CALLS = 260
DEMO_MAX_OUTPUT_TOKENS = 8


def sample_reviews_path() -> Path:
    """Where ``reviews.jsonl`` lies. The package is always installed unpacked, so this is a real file."""
    return Path(str(files(__name__) / "reviews.jsonl"))

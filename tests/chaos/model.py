"""The scripted model server with a judge in it. Run as a program, as ``scripted_server`` is."""

from __future__ import annotations

import json

from burnish.llm.protocol import Request
from burnish.llm.testing.scripted import SCRIPTS, sentiment
from burnish.llm.testing.scripted_server import main

JUDGE = "Is {{ outputs }} a courteous answer to {{ inputs }}?"
OTHER_JUDGE = "Is {{ outputs }} a terrible answer to {{ inputs }}?"


def answer(request: Request) -> str:
    """Labels sentiment; asked whether an answer is courteous, it says so of those that are short."""
    prompt = "\n".join(message.content for message in request.messages)
    if "courteous" not in prompt and "terrible" not in prompt:
        return sentiment(request)
    content = ("several sides" not in prompt) == ("courteous" in prompt)
    return json.dumps({"result": content, "rationale": "so"})


SCRIPTS["sentiment"] = answer

if __name__ == "__main__":
    main()

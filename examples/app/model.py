"""The model of the example: a script on loopback, which answers as a model would that needs clear prompts.

It names a topic amid other words unless the prompt asks for one word, and dresses an answer up unless the
prompt asks for the bare fact. As a reflection model it proposes what it can see: the remedy for what each
prompt was given and what came of it.
"""

from __future__ import annotations

import json
import re

from questions import HANDBOOK

from burnish.domain.hashing import uniform_draw
from burnish.llm.protocol import Request

MODEL, REFLECTION_MODEL = "gpt-4o-mini", "gpt-4o"  # names whose prices are known; nobody is asked
ONE_WORD = "Answer with one word, the topic."
BARE_FACT = "Give the bare fact, no sentence."
_TOPIC_OF = {question: topic for topic, pages in HANDBOOK.items() for question in pages}
_ANSWER_OF = {question: answer for pages in HANDBOOK.values() for question, answer in pages.items()}
_TAG = re.compile(r"between <(\S+?)> and </")


def desk_model(request: Request) -> str:
    """A ``scripted.Script``."""
    text = "\n".join(message.content for message in request.messages)
    if request.model.endswith(REFLECTION_MODEL):
        return _improve(text)
    question = text.rstrip().rsplit("\n", 1)[-1]
    if text.startswith("Handbook:"):
        return _answer(text, question)
    topic = _TOPIC_OF.get(question, "nothing")
    clear = ONE_WORD in text or uniform_draw("topic", question) < 0.4
    return topic if clear else f"This seems to be about {topic}, if I am not mistaken."


def _answer(text: str, question: str) -> str:
    answer = _ANSWER_OF.get(question, "")
    if f"{question} {answer}." not in text:
        return "The handbook does not say."
    clear = BARE_FACT in text or uniform_draw("answer", question) < 0.4
    return json.dumps({"answer": answer}) if clear else f"It is {answer}, as far as I can see."


def _improve(text: str) -> str:
    """Ours asks for one prompt between tags; MLflow's metaprompt asks for all of them as JSON."""
    if tag := _TAG.search(text):
        name = tag.group(1)
        found = re.search(rf"<{name}[^>]*>\n?(.*?)\n?</{name}>", text, re.DOTALL)
        current = found.group(1) if found else ""
        return f"<{name}>\n{_with_remedy(current, text)}\n</{name}>"
    prompts = re.findall(r"Prompt name: (\w+)\nTemplate: (.*?\{\{question\}\})", text, re.DOTALL)
    return json.dumps({name: _with_remedy(template, text) for name, template in prompts})


def _with_remedy(prompt: str, seen: str) -> str:
    if "Which topic" in prompt:
        rule = ONE_WORD if "This seems to be about" in seen else ""
    else:
        rule = BARE_FACT if "as far as I can see" in seen else ""
    if not rule or rule in prompt:
        return prompt
    head, _, tail = prompt.rpartition("\n\n")
    return f"{head} {rule}\n\n{tail}"

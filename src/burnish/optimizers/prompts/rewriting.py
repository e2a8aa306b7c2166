"""How a reflection model is asked for a whole new prompt, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, Template, variables_of
from burnish.errors import InvalidInput

_PROMPT = re.compile(
    r"<prompt(?:\s+name=[\"'](?P<name>[^\"']*)[\"'])?\s*>\n?(?P<text>.*?)\n?</prompt>", re.DOTALL
)
_MESSAGE = re.compile(r"<message\s+role=[\"'](?P<role>\w+)[\"']\s*>\n?(?P<text>.*?)\n?</message>", re.DOTALL)

_ANGLES = (
    "Be exact about the task and about what the answer must look like.",
    "Be as short and plain as you can; every word must earn its place.",
    "Explain the task in full, with the difficult cases and how to decide them.",
    "Lay out the steps a careful expert would take, and end with the form of the answer.",
    "Say who the model is and for whom it works, and what a perfect answer has that a good one lacks.",
    "Name the mistakes seen below as rules that avoid them.",
)

_REQUEST = """\
You improve prompts for a language model. Here is the current version:

{prompts}

{results}Write a better version. {angle}

Rules:
- Variables are filled in where {{{{name}}}} stands. {variables}
- Write what holds for every input; do not copy the inputs shown here or their answers.
- {structure}
{guidelines}
Answer with the complete new version in the same tags as above, and nothing else."""

_RESULTS = """\
This is what the model did with it on some inputs, and how that was scored:

{feedback}

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What to ask for.

    Attributes:
        parent: the candidate to improve.
        feedback: what it did on training examples; empty without data.
        guidelines: the user's own, MLflow's ``guidelines``.
        number: of this rewrite within its round; each looks at the task from another angle.
    """

    parent: Candidate
    feedback: str = ""
    guidelines: str = ""
    number: int = 0

    def messages(self) -> tuple[Message, ...]:
        """The request to the reflection model."""
        chat = any(not isinstance(template, str) for template in self.parent.texts.values())
        request = _REQUEST.format(
            prompts=tagged(self.parent.texts),
            results=_RESULTS.format(feedback=self.feedback) if self.feedback else "",
            angle=_ANGLES[self.number % len(_ANGLES)],
            variables=_variables_rule(self.parent.texts),
            structure="Keep the messages and their roles." if chat else "Keep each prompt one text.",
            guidelines=f"- From the owner of this prompt: {self.guidelines}\n" if self.guidelines else "",
        )
        return (Message("user", request),)


def again(asked: Sequence[Message], answer: str, reasons: Sequence[str]) -> tuple[Message, ...]:
    """The same request once more, with what was wrong with the answer."""
    complaint = (
        f"This cannot be used: {'; '.join(reasons)}. "
        "Write the complete version again without that fault, in the same tags, and nothing else."
    )
    return (*asked, Message("assistant", answer), Message("user", complaint))


def tagged(texts: Mapping[str, Template]) -> str:
    """Prompts as the reflection model sees and writes them."""
    parts = []
    for name, template in texts.items():
        if isinstance(template, str):
            inner = template
        else:
            inner = "\n".join(f'<message role="{m.role}">\n{m.content}\n</message>' for m in template)
        parts.append(f'<prompt name="{name}">\n{inner}\n</prompt>')
    return "\n\n".join(parts)


def read_prompts(answer: str, parent: Candidate) -> dict[str, Template]:
    """The prompts in an answer; one it leaves out stays as the parent has it.

    Raises:
        InvalidInput: there is no prompt in it, or a chat without messages.
    """
    texts = dict(parent.texts)
    found = list(_PROMPT.finditer(answer))
    if not found:
        raise InvalidInput.of("rewrite", answer, "the answer holds no <prompt>...</prompt>")
    for match in found:
        name = match["name"] if match["name"] in texts or len(texts) > 1 else next(iter(texts))
        if name not in texts:
            raise InvalidInput.of(
                "rewrite", name, f"there is no prompt {name!r}; known are {', '.join(texts)}"
            )
        if isinstance(texts[name], str):
            texts[name] = match["text"].strip("\n")
            continue
        messages = tuple(Message(m["role"], m["text"]) for m in _MESSAGE.finditer(match["text"]))
        if not messages:
            raise InvalidInput.of("rewrite", name, 'a chat is written as <message role="...">...</message>')
        texts[name] = messages
    return texts


def _variables_rule(texts: Mapping[str, Template]) -> str:
    rules = []
    for name, template in texts.items():
        braced = ", ".join(f"{{{{{variable}}}}}" for variable in sorted(variables_of(template)))
        where = f"In {name!r} keep" if len(texts) > 1 else "Keep"
        rules.append(
            f"{where} every one of these exactly and add no other: {braced}." if braced else "Add none."
        )
    return " ".join(rules)

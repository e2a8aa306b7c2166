"""Instructions from the reflection model, which is shown where the source prompt fails."""

from __future__ import annotations

import re
from collections.abc import Sequence

from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, Template, text_of
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.optimizers.protocol import Observe, Reflect
from burnish.optimizers.search.feedback import feedback

FEEDBACK_TOKENS = 3000
_TAGGED = re.compile(r"<instruction>\s*(.*?)\s*</instruction>", re.DOTALL | re.IGNORECASE)

_REQUEST = """\
Below is a prompt for a language model, and what it answered on some examples.
Write {count} different instructions that could replace the instruction of this prompt and would make \
the answers score higher. Vary their wording, their length and their strategy. Say exactly what the \
answer must look like.

Write only the instruction, not the input: the input is put below it. Use no {{{{variables}}}}.
Put each instruction between <instruction> and </instruction>.

The prompt{name}:
<prompt>
{prompt}
</prompt>

What it did:
{feedback}"""


async def write_instructions(
    reflect: Reflect, template: Template, name: str, shown: tuple[Sequence[Example], Means], count: int
) -> list[str]:
    """Ask for ``count`` instructions in one call.

    Args:
        name: of the prompt within its set; empty when it is the only one.
        shown: examples and what the source prompt got on them.

    Returns:
        What could be read from the answer, at most ``count``; empty when it made no sense.

    Raises:
        BudgetExhausted, ModelError
    """
    examples, means = shown
    request = _REQUEST.format(
        count=count,
        name=f" {name!r}, one of several that work together" if name else "",
        prompt=text_of(template),
        feedback=feedback(means.evaluations, examples, FEEDBACK_TOKENS),
    )
    answer = await reflect([Message("user", request)])
    found = [text for text in _TAGGED.findall(answer) if text and "{" not in text]
    return list(dict.fromkeys(found))[:count]


async def written_or_none(
    reflect: Reflect,
    template: Template,
    name: str,
    shown: tuple[Sequence[Example], Means],
    count: int,
    observe: Observe,
) -> list[str]:
    """As :func:`write_instructions`; a model that cannot answer this once leaves the templates.

    Raises:
        BudgetExhausted
        ModelError: a systemic one.
    """
    try:
        found = await write_instructions(reflect, template, name, shown, count)
    except ModelError as error:
        if error.systemic:
            raise
        observe.warning(f"the reflection model wrote no instructions: {error}")
        return []
    if not found:
        observe.warning(
            "the reflection model's answer held no instruction; those from templates are tried alone"
        )
    return found

"""Instructions from the reflection model, which is shown where the source prompt fails."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, Template, text_of
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion
from burnish.optimizers.prompts.delimiters import Delimiters, UnusableAnswer, ask_again
from burnish.optimizers.protocol import Observe, Reflect
from burnish.optimizers.search.feedback import feedback

FEEDBACK_TOKENS = 3000
TRIES = 2  # of one question; the second says what was wrong with the first answer

_REQUEST = """\
Below is a prompt for a language model, and what it answered on some examples.
Write {count} different instructions that could replace the instruction of this prompt and would make \
the answers score higher. Vary their wording, their length and their strategy. Say exactly what the \
answer must look like.

Write only the instruction, not the input: the input is put below it. Use no {{{{variables}}}}.
Put each instruction between <{tag}> and </{tag}>.

The prompt{name}:
{prompt}

What it did:
{feedback}"""


async def write_instructions(
    reflect: Reflect,
    template: Template,
    name: str,
    shown: tuple[Sequence[Example], Means],
    count: int,
    observe: Observe,
) -> tuple[list[str], int]:
    """Ask for ``count`` instructions; once more, with the reason, where the answer cannot be used.

    A model that cannot answer leaves those from templates, and a warning.

    Args:
        name: of the prompt within its set; empty when it is the only one.
        shown: examples and what the source prompt got on them.

    Returns:
        What could be read, at most ``count``, and how many questions that took.

    Raises:
        BudgetExhausted
        ModelError: a systemic one.
    """
    examples, means = shown
    prompt, results = text_of(template), feedback(means.evaluations, examples, FEEDBACK_TOKENS)
    delimiters = Delimiters.avoiding("instruction", prompt, results)
    request = _REQUEST.format(
        count=count,
        tag=delimiters.tag,
        name=f" {name!r}, one of several that work together" if name else "",
        prompt=Delimiters.avoiding("prompt", prompt, results).wrap(prompt),
        feedback=results,
    )
    messages: tuple[Message, ...] = (Message("user", request),)
    for asked in range(1, TRIES + 1):
        try:
            answer = await reflect(messages)
            return _read(answer, delimiters)[:count], asked
        except ModelError as error:
            if error.systemic:
                raise
            reason = str(error)
            break
        except UnusableAnswer as unusable:
            reason = unusable.reason
            messages = ask_again(messages, answer, [reason], delimiters)
    observe.warning(
        f"the reflection model wrote no instructions ({reason}); those from templates are tried alone"
    )
    return [], asked


def _read(answer: Completion, delimiters: Delimiters) -> list[str]:
    texts = [block.text.strip() for block in delimiters.read(answer)]
    found = list(dict.fromkeys(text for text in texts if text and "{" not in text))
    if not found:
        raise UnusableAnswer("every instruction in it is empty or holds a variable")
    return found

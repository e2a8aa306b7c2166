"""How the reflection model is asked for a better text, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from burnish.domain.candidate import Candidate
from burnish.domain.prompt import Message, variables_of
from burnish.optimizers.gepa.components import Components

IMPROVE = """\
You improve prompts for language models. Here is <what> as it is now:

```
<curr_param>
```
<context>
This is how the model answered some inputs with it, and what was thought of the answers:

<side_info>

Write a better version of this text.
- Work out from the inputs and the feedback what the task really is, and say it clearly and completely.
- Add the facts, rules and conventions that the feedback reveals and the model cannot know by itself.
- Say how the answer must look (length, format, exact words) where answers failed for that.
- Keep what already works. State what holds for any input; do not copy these inputs or their answers.
<placeholders>
Give the complete new text, and nothing else, between ``` lines."""

COMBINE = """\
Two people have improved <what> for a language model, each without knowing of the other.

The newer version:

```
<curr_param>
```

Another version, made from an older one; on some inputs it does better than the newer one:

```
<other>
```

Write one version that has what both have: take the newer one and work into it what the other one says
beyond it. Leave nothing out that either of them teaches.
<placeholders>
Give the complete new text, and nothing else, between ``` lines."""

_MARK = re.compile(r"<(what|curr_param|other|context|side_info|placeholders)>")


def improve(
    components: Components, candidate: Candidate, number: int, feedback: str, template: str | None = None
) -> tuple[Message, ...]:
    """Ask for a better text of one component.

    Args:
        number: the component's.
        feedback: what the candidate did on some examples, in words.
        template: instead of ours. ``<curr_param>`` and ``<side_info>`` are filled in, and the rule
            on placeholders is added behind it.
    """
    texts = components.texts(candidate)
    wording = IMPROVE if template is None else f"{template}\n\n<placeholders>"
    return _filled(
        wording,
        what=_description(components, number),
        curr_param=texts[number],
        context=_context(components, texts, number),
        side_info=feedback,
        placeholders=_placeholder_rule(texts[number]),
    )


def combine(components: Components, newer: Candidate, other: Candidate, number: int) -> tuple[Message, ...]:
    """Ask for one text of a component that has what two candidates have."""
    text = components.texts(newer)[number]
    return _filled(
        COMBINE,
        what=_description(components, number),
        curr_param=text,
        other=components.texts(other)[number],
        placeholders=_placeholder_rule(text),
    )


def again(asked: Sequence[Message], answer: str, reasons: Sequence[str]) -> tuple[Message, ...]:
    """The same question once more, with what was wrong with the first answer."""
    complaint = (
        f"That text cannot be used: {'; '.join(reasons)}. "
        "Give the complete text once more without this fault, between ``` lines."
    )
    return (*asked, Message("assistant", answer), Message("user", complaint))


def text_in(answer: str) -> str:
    """The text between the fences of an answer; the whole answer when there are none."""
    from gepa.strategies.instruction_proposal import InstructionProposalSignature

    extracted: str = InstructionProposalSignature.output_extractor(answer.strip())["new_instruction"]
    return extracted


def _filled(wording: str, **values: str) -> tuple[Message, ...]:
    """One pass, so that a mark inside a text stays as it is."""
    return (Message("user", _MARK.sub(lambda mark: values.get(mark.group(1), mark.group(0)), wording)),)


def _description(components: Components, number: int) -> str:
    component = components[number]
    if component.message is None:
        return "a prompt" if len(components) == 1 else f"the prompt {component.prompt!r}"
    return f"the {component.role} message (number {component.message + 1}) of the chat {component.prompt!r}"


def _context(components: Components, texts: dict[int, str], number: int) -> str:
    others = [
        f"{_description(components, other)}:\n```\n{text}\n```"
        for other, text in texts.items()
        if other != number
    ]
    if not others:
        return ""
    return "\nIt is used together with these, which stay as they are:\n\n" + "\n\n".join(others) + "\n"


def _placeholder_rule(text: str) -> str:
    names = [f"{{{{{name}}}}}" for name in sorted(variables_of(text))]
    if not names:
        return "- It holds no {{placeholders}}; add none."
    return (
        "- Each input is filled in where these placeholders stand. "
        f"Keep every one exactly as written, and add no other: {', '.join(names)}"
    )

"""How a reflection model is asked for a whole new prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.jinja import KEEP_CODE
from burnish.domain.prompt import Message, Template, is_jinja, variables_of
from burnish.optimizers.prompts.proposal_format import ProposalFormat

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

{context}{results}Write a better version. {angle}

Rules:
- Variables are filled in where {{{{name}}}} stands. {variables}
- Write what holds for every input; do not copy the inputs shown here or their answers.
{guidelines}
Answer with the complete new version of {each} in the same tags as above, and nothing else."""

_CONTEXT = """\
It is used together with this, which stays as it is:

{context}

"""

_RESULTS = """\
This is what the model did with it on some inputs, and how that was scored:

{feedback}

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRequest:
    """What to ask for.

    Attributes:
        parent: the candidate to improve.
        format: how its texts are written, in the request and in the answer.
        feedback: what it did on training examples; empty without data.
        guidelines: the user's own, MLflow's ``guidelines``.
        number: of this rewrite within its round; each looks at the task from another angle.
    """

    parent: Candidate
    format: ProposalFormat
    feedback: str = ""
    guidelines: str = ""
    number: int = 0

    def messages(self) -> tuple[Message, ...]:
        """The request to the reflection model."""
        context = self.format.context()
        request = _REQUEST.format(
            prompts=self.format.shown(),
            context=_CONTEXT.format(context=context) if context else "",
            results=_RESULTS.format(feedback=self.feedback) if self.feedback else "",
            angle=_ANGLES[self.number % len(_ANGLES)],
            variables=_variables_rule(self.parent.texts),
            guidelines=f"- From the owner of this prompt: {self.guidelines}\n" if self.guidelines else "",
            each="the text" if self.format.is_single else "each text",
        )
        return (Message("user", request),)


def _variables_rule(texts: Mapping[str, Template]) -> str:
    rules = []
    for name, template in texts.items():
        braced = ", ".join(f"{{{{{variable}}}}}" for variable in sorted(variables_of(template)))
        where = f"In {name!r} keep" if len(texts) > 1 else "Keep"
        if is_jinja(template):
            rules.append(f"In {name!r}: {KEEP_CODE}" if len(texts) > 1 else KEEP_CODE)
            continue
        rules.append(
            f"{where} every one of these exactly and add no other: {braced}." if braced else "Add none."
        )
    return " ".join(rules)

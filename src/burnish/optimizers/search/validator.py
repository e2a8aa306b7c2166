"""Every proposal is checked here before it costs an evaluation.

What a search (or its reflection model) proposes may have lost a ``{{variable}}``, grown Jinja code,
swallowed the training data. What can be repaired is repaired; the rest is refused with a reason
that can be shown to a person, or back to the model that wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.jinja import code_problems
from burnish.domain.prompt import (
    Message,
    Template,
    check_template,
    is_jinja,
    lookalikes_of,
    text_of,
    variables_in_order,
    variables_of,
)
from burnish.domain.text import estimate_tokens
from burnish.errors import InvalidInput
from burnish.optimizers.protocol import Observe, Task
from burnish.optimizers.settings import CommonSettings

COPIED_AT_LEAST_CHARACTERS = 24  # shorter inputs ("yes", "3 + 4") may well stand in a prompt by chance
_COMPARED_CHARACTERS = 2000  # of an input: what holds the beginning of a long text was copied from it


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What became of a proposal.

    Attributes:
        candidate: as repaired when accepted, else ``None``.
        reasons: why it was refused.
        is_new: no equal one was accepted before.
    """

    candidate: Candidate | None
    reasons: tuple[str, ...] = ()
    is_new: bool = True


class ProposalValidator:
    """Checks the proposals of one search, and remembers what passed.

    Args:
        task: gives the source (its variables, its structure) and the training examples.
    """

    def __init__(self, task: Task, settings: CommonSettings, observe: Observe) -> None:
        self._source = task.source
        self._settings = settings
        self._observe = observe
        self._seen = {task.source.candidate_id}
        self._refused: set[str] = set()
        source_text = _folded(_whole_text(task.source))
        self._copyable = [
            (example.example_id, texts)
            for example in task.train
            if (texts := [text for text in _input_texts(example) if text not in source_text])
        ]

    def validate(
        self,
        proposal: Candidate,
        demonstrated: Collection[str] = (),
        known: Collection[str] | None = None,
    ) -> ValidationResult:
        """Repair, check and observe: PROPOSED with what was repaired, or REFUSED with the reason.

        Args:
            demonstrated: ids of training examples that stand in the proposal on purpose.
            known: ids that a proposal must not have again; by default those of the source and of all
                that were accepted here.
        """
        repaired, repairs = self._repair(proposal)
        reasons = self.reasons_against(repaired, demonstrated, known)
        if reasons:
            self._refused.add(repaired.candidate_id)
            self._observe.candidate(repaired, CandidateStatus.REFUSED, reason="; ".join(reasons))
            return ValidationResult(None, tuple(reasons))
        is_new = repaired.candidate_id not in self._seen
        self._seen.add(repaired.candidate_id)
        self._observe.candidate(repaired, CandidateStatus.PROPOSED, reason="; ".join(repairs))
        if copied := self._copied(repaired, demonstrated):
            self._observe.warning(
                f"candidate {repaired.candidate_id} holds training example {copied[0]} word for word"
            )
        return ValidationResult(repaired, is_new=is_new)

    def reasons_against(
        self,
        proposal: Candidate,
        demonstrated: Collection[str] = (),
        known: Collection[str] | None = None,
    ) -> list[str]:
        """Why a proposal must not be measured; empty when it may. Arguments as :meth:`validate`."""
        if proposal.candidate_id in (self._seen if known is None else known):
            return ["equal to an earlier candidate"]
        reasons = []
        if set(proposal.texts) != set(self._source.texts):
            return [f"must hold exactly the prompts {', '.join(sorted(self._source.texts))}"]
        for name, source in self._source.texts.items():
            found = problems_of(proposal.texts[name], source, self._settings.max_prompt_tokens)
            reasons += found if len(self._source.texts) == 1 else [f"{name}: {text}" for text in found]
        if self._settings.refuse_copied_examples and (copied := self._copied(proposal, demonstrated)):
            reasons.append(f"holds training example {copied[0]} word for word")
        return reasons

    def seen(self, candidate: Candidate) -> bool:
        """Whether an equal candidate was checked before, or is the source."""
        return candidate.candidate_id in self._seen or candidate.candidate_id in self._refused

    def _repair(self, proposal: Candidate) -> tuple[Candidate, list[str]]:
        texts, repairs = dict(proposal.texts), []
        for name, source in self._source.texts.items():
            if name not in texts:
                continue
            texts[name] = repair(texts[name], source)
            if texts[name] != proposal.texts[name]:
                kept = ", ".join(sorted(variables_of(source) - variables_of(proposal.texts[name])))
                repairs.append(f"repaired: {{{{{kept}}}}} was missing")
        return (replace(proposal, texts=texts), repairs) if repairs else (proposal, repairs)

    def _copied(self, proposal: Candidate, demonstrated: Collection[str]) -> list[str]:
        text = _folded(_whole_text(proposal))
        return [
            example_id
            for example_id, inputs in self._copyable
            if example_id not in demonstrated and any(value in text for value in inputs)
        ]


def problems_of(template: Template, source: Template, max_prompt_tokens: int | None = None) -> list[str]:
    """What is wrong with one prompt's proposed template, in words; empty when nothing is."""
    try:
        check_template(template)
    except InvalidInput as error:
        return [problem.remedy for problem in error.problems]
    found = []
    if not _same_structure(template, source):
        found.append(f"must keep {_structure(source)}; this is {_structure(template)}")
    found += code_problems(template, source) if is_jinja(source) else _variable_problems(template, source)
    if max_prompt_tokens and (tokens := estimate_tokens(text_of(template))) > max_prompt_tokens:
        found.append(f"about {tokens} tokens long; at most {max_prompt_tokens} are allowed")
    return found


def _variable_problems(template: Template, source: Template) -> list[str]:
    """Of a source that is not Jinja's."""
    if is_jinja(template):
        return ["holds {% … %}, so that it would be executed as Jinja; use plain {{name}} variables"]
    found = []
    have, known = variables_of(template), variables_of(source)
    if missing := sorted(known - have):
        found.append(f"lost {_braced(missing)}")
    if unknown := sorted(have - known):
        found.append(f"uses {_braced(unknown)}, which has no value; known are {_braced(sorted(known))}")
    if strange := [part for part in lookalikes_of(template) if part not in lookalikes_of(source)]:
        found.append(
            f"holds {', '.join(strange)}, which is never filled in; use plain {{{{name}}}} variables"
        )
    return found


def repair(template: Template, source: Template) -> Template:
    """Put lost variables back in the source's way; the template itself when none is lost.

    A variable in single braces gets its second pair. Any other is appended as it stood in the
    source: its whole line when that was a field (``Review: {{review}}``), else a field of its own. Code of a
    Jinja source cannot be put back, since where it stood means something.
    """
    if is_jinja(source):
        return template
    if isinstance(source, str) and isinstance(template, str):
        return _repair_text(template, source, variables_of(source) - variables_of(template))
    if isinstance(source, str) or isinstance(template, str) or not _same_structure(template, source):
        return template
    missing = variables_of(source) - variables_of(template)
    offset = len(template) - len(source)  # demonstrations stand before the last message
    messages = list(template)
    for position, message in enumerate(source):
        here = missing & variables_of(message.content)
        at = position + offset if position == len(source) - 1 else position
        messages[at] = Message(
            message.role, _repair_text(messages[at].content, message.content, frozenset(here))
        )
        missing -= here
    return tuple(messages)


def _repair_text(text: str, source: str, missing: frozenset[str]) -> str:
    lines: list[str] = []
    for name in (name for name in variables_in_order(source) if name in missing):
        single = re.compile(r"(?<!\{)\{\s*" + re.escape(name) + r"\s*\}(?!\})")
        if single.search(text):
            text = single.sub(f"{{{{{name}}}}}", text)
        else:
            line = _field_line(name, source)
            lines += [] if line in lines else [line]
    return "\n\n".join(part for part in (text.rstrip(), "\n".join(lines)) if part) if lines else text


def _field_line(name: str, source: str) -> str:
    pattern = re.compile(r"\{\{\s*" + re.escape(name) + r"\s*\}\}")
    line = next((line.strip() for line in source.splitlines() if pattern.search(line)), f"{{{{{name}}}}}")
    around = pattern.sub("", line).strip()
    is_field = not around or (around.endswith(":") and len(variables_of(line)) == 1)
    return line if is_field else f"{name.replace('_', ' ').capitalize()}: {{{{{name}}}}}"


def _same_structure(template: Template, source: Template) -> bool:
    """Text stays text; a chat keeps its roles, and may gain user/assistant pairs before the last message."""
    if isinstance(template, str) or isinstance(source, str):
        return isinstance(template, str) and isinstance(source, str)
    roles, wanted = [m.role for m in template], [m.role for m in source]
    added = roles[len(wanted) - 1 : -1]
    return (
        roles[: len(wanted) - 1] == wanted[:-1]
        and roles[-1:] == wanted[-1:]
        and added == ["user", "assistant"] * (len(added) // 2)
    )


def _structure(template: Template) -> str:
    if isinstance(template, str):
        return "one text"
    return f"a chat of {' + '.join(message.role for message in template) or 'no messages'}"


def _braced(names: list[str]) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in names) or "none"


def _whole_text(candidate: Candidate) -> str:
    return "\n\n".join(text_of(template) for template in candidate.texts.values())


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def _input_texts(example: Example) -> list[str]:
    values = [value.lstrip() for value in example.inputs.values() if isinstance(value, str)]
    folded = (_folded(value[:_COMPARED_CHARACTERS]) for value in values)
    return [text for text in folded if len(text) >= COPIED_AT_LEAST_CHARACTERS]

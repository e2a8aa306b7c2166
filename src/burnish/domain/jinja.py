"""The code in a Jinja template, and whether another template has the same.

Nothing here executes or compiles anything. The code of a source is found by Jinja's own rules; a proposal is
only compared with it: as long as it has the very same pieces in the same order and no opening brace between
them, Jinja reads the same code in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from burnish.domain.prompt import Template, texts_of, variables_in_order

_OPENING = re.compile(r"\{[{%#]")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*-?%\}")
_END_OF_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_STRING = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"", re.DOTALL)
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)\s*(\w*)\s*(=?)")
_BINDING = re.compile(r"\{%[-+]?\s*(?:for\s+([\w,()\s]+?)\s+in\b|set\s+([\w,\s]+?)\s*(?:=|[-+]?%\}))")
_BLOCKS = frozenset({"if", "for", "macro", "call", "filter", "with", "block", "autoescape"})
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_SHOWN = 60


def code_in(text: str) -> list[tuple[int, int]]:
    """Where the code of a Jinja text stands: ``{{...}}``, ``{%...%}``, ``{#...#}``, and each
    ``{% raw %}...{% endraw %}`` as one; begin and end of each."""
    found = []
    at = 0
    while opening := _OPENING.search(text, at):
        at = _end_of(text, opening.start())
        found.append((opening.start(), at))
    return found


def code_problems(template: Template, source: Template) -> list[str]:
    """How the code of a proposal differs from the source's, in words; empty where it does not.

    Each message of a chat has the code of the source's; what was put in before the last message has none.
    """
    texts, wanted = texts_of(template), [_pieces(text) for text in texts_of(source)]
    added = len(texts) - len(wanted)
    if added < 0:
        return ["has fewer messages than the source, and so not its Jinja code"]
    expected = [*wanted[:-1], *([[]] * added), *wanted[-1:]]
    return list(filter(None, (_difference(*pair) for pair in zip(texts, expected, strict=True))))[:1]


def identifiers_in(template: Template) -> frozenset[str]:
    """Every name in the code of a Jinja template; those of the record's inputs are among them."""
    return frozenset(
        name
        for text in texts_of(template)
        for piece in _pieces(text)
        if not piece.startswith("{#") and not _RAW.match(piece)
        for name in _NAME.findall(_STRING.sub(" ", piece))
    )


def printed_names(text: str) -> tuple[str, ...]:
    """The columns whose values a Jinja text shows as they are, in order: ``{{ NAME }}``, ``{{ NAME.part }}``.
    Not what its own loops and assignments name."""
    bound = set(_NAME.findall(" ".join(part for found in _BINDING.findall(text) for part in found)))
    names = (name.partition(".")[0] for name in variables_in_order(text))
    return tuple(dict.fromkeys(name for name in names if name not in bound))


def words_in(text: str) -> Iterator[str]:
    """The words of a Jinja text that always stand in it: those between its code, inside of no block."""
    depth = at = 0
    for begin, end in [*code_in(text), (len(text), len(text))]:
        if depth == 0:
            yield text[at:begin]
        depth += _nesting(text[begin:end])
        at = end


KEEP_CODE = (
    "This is a Jinja template. Keep every {{...}}, {%...%} and {#...#} exactly as written, in the same "
    "order; write only the words around them, and no other braces."
)
"""For a model that is to rewrite one."""


def _nesting(piece: str) -> int:
    statement = _STATEMENT.match(piece)
    if statement is None or _RAW.match(piece):
        return 0
    word = statement[1]
    if word.startswith("end"):
        return -1
    return 1 if word in _BLOCKS or (word == "set" and not statement[3]) else 0


def _pieces(text: str) -> list[str]:
    return [text[begin:end] for begin, end in code_in(text)]


def _difference(text: str, wanted: Sequence[str]) -> str | None:
    at = 0
    for piece in wanted:
        opening = _OPENING.search(text, at)
        if opening is None or not text.startswith(piece, opening.start()):
            found = "lost" if opening is None else "changed, moved or put something before"
            return f"{found} the Jinja code {_shown(piece)}; only the words around the code may change"
        at = opening.start() + len(piece)
    if opening := _OPENING.search(text, at):
        found = _shown(text[opening.start() : _end_of(text, opening.start())])
        return f"adds {found}, which Jinja would read as code; only the words around the code may change"
    return None


def _shown(piece: str) -> str:
    return piece if len(piece) <= _SHOWN else f"{piece[:_SHOWN]}..."


def _end_of(text: str, at: int) -> int:
    """The end of the piece of code that begins here; the text's where it has none."""
    kind = text[at + 1]
    if kind == "#":
        end = text.find("#}", at + 2)
        return end + 2 if end >= 0 else len(text)
    if raw := _RAW.match(text, at):
        end_of_raw = _END_OF_RAW.search(text, raw.end())
        return end_of_raw.end() if end_of_raw else len(text)
    closing = "}}" if kind == "{" else "%}"
    open_brackets: list[str] = []
    at += 2
    while at < len(text):
        if not open_brackets and text.startswith(closing, at):
            return at + 2
        character = text[at]
        if character in "'\"":
            string = _STRING.match(text, at)
            if string is None:
                return len(text)
            at = string.end()
            continue
        if character in _PAIRS:
            open_brackets.append(_PAIRS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        at += 1
    return len(text)

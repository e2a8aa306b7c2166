"""Text of a filter or an order → what it says. Every mistake is shown with a caret under its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from burnish.errors import InvalidInput
from burnish.store.encoding import MAX_NAME_LENGTH, UNSTORABLE
from burnish.store.search.expression import (
    And,
    Comparison,
    Expression,
    Not,
    Operator,
    Or,
    Order,
    Value,
    children,
    comparisons,
)
from burnish.store.search.fields import CHOICES, Field, Kind, field_names, find_field
from burnish.store.search.pattern import Pattern

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.exceptions import UnexpectedInput

MAX_LENGTH = 10_000
MAX_COMPARISONS = 100
MAX_DEPTH = 40
MAX_ORDERS = 8
_MAX_NUMBER_LENGTH = 50
_MAX_EXPONENT = 250
_SHOWN_AROUND = 60

_IN_WORDS = {
    "NAME": "a field",
    "KEY": "a key",
    "QUOTED_KEY": "a key in `backquotes`",
    "DOT": "'.KEY'",
    "STRING": "a 'text'",
    "NUMBER": "a number",
    "OPERATOR": "one of = != < <= > >=",
    "_AND": "AND",
    "_OR": "OR",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "$END": "the end",
}


class _Refused(Exception):
    """A mistake at a place of the text that is being read."""

    def __init__(self, start: int, end: int, remedy: str) -> None:
        self.start, self.end, self.remedy = start, end, remedy


def parse_filter(text: str) -> Expression | None:
    """
    Returns:
        What the filter says; ``None`` for an empty one, which every job fits.

    Raises:
        InvalidInput: with field ``filter``.
    """
    if not text.strip():
        return None
    return cast(Expression, _parse("filter", text))


def parse_order(entries: Sequence[str]) -> tuple[Order, ...]:
    """
    Args:
        entries: ``FIELD``, ``FIELD ASC`` or ``FIELD DESC`` each.

    Raises:
        InvalidInput: with field ``order_by``.
    """
    if len(entries) > MAX_ORDERS:
        raise InvalidInput.of("order_by", f"{len(entries)} entries", f"at most {MAX_ORDERS} are read")
    return tuple(cast(Order, _parse("order", entry, "order_by")) for entry in entries)


def _parse(start: str, text: str, field: str = "filter") -> Any:
    from lark.exceptions import UnexpectedInput

    if len(text) > MAX_LENGTH:
        raise InvalidInput.of(field, text, f"has {len(text)} characters; at most {MAX_LENGTH} are read")
    try:
        if unstorable := UNSTORABLE.search(text):
            raise _Refused(
                *unstorable.span(), "NUL characters and lone surrogates are in no job; take it out"
            )
        return _check_size(cast(Any, _grammar().parse(text, start)), text)
    except _Refused as mistake:
        raise _shown(field, text, mistake) from None
    except UnexpectedInput as error:
        raise _shown(field, text, _syntax_mistake(error, text)) from None


@cache
def _grammar() -> Lark:
    from lark import Lark, Transformer, v_args

    class Reader(Transformer[Any, Any]):
        """Called while the text is parsed, so that no depth of nesting costs stack."""

        def disjunction(self, parts: list[Expression]) -> Expression:
            return Or(tuple(parts))

        def conjunction(self, parts: list[Expression]) -> Expression:
            return And(tuple(parts))

        @v_args(inline=True)
        def negation(self, word: Token, part: Expression) -> Expression:
            return Not(part)

        def comparison(self, parts: list[Any]) -> Expression:
            (field, field_token), operator, *values = parts
            return _comparison(field, field_token, operator, values)

        def field(self, tokens: list[Token | None]) -> tuple[Field, Token]:
            name, key = cast("tuple[Token, Token | None]", tokens)
            return _field(name, key), name

        @v_args(inline=True)
        def value(self, token: Token) -> Token:
            return token

        def order(self, parts: list[Any]) -> Order:
            (field, _), direction = parts
            return Order(field, direction is not None and direction.type == "DESC")

    grammar = files("burnish.store.search").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, parser="lalr", start=["filter", "order"], transformer=Reader(), maybe_placeholders=True
    )


def _check_size(parsed: Expression | Order, text: str) -> Expression | Order:
    if isinstance(parsed, Order):
        return parsed
    layer: Iterable[Expression] = (parsed,)
    for _ in range(MAX_DEPTH):
        layer = [part for expression in layer for part in children(expression)]
    if layer:
        raise _Refused(0, len(text), f"AND, OR and NOT are nested deeper than {MAX_DEPTH}")
    if sum(1 for _ in comparisons(parsed)) > MAX_COMPARISONS:
        raise _Refused(0, len(text), f"has more than {MAX_COMPARISONS} comparisons")
    return parsed


# --- what the words mean


def _field(name: Token, key: Token | None) -> Field:
    text = None if key is None else str(key)
    if key is not None and key.type == "QUOTED_KEY":
        text = str(key)[1:-1]
    found = find_field(str(name), text)
    if found is None:
        raise _Refused(*_span(name, key), f"there is no such field; there are {field_names()}")
    if text is not None and len(text) > MAX_NAME_LENGTH:
        raise _Refused(*_span(key), f"a key has at most {MAX_NAME_LENGTH} characters")
    return found


def _comparison(field: Field, field_token: Token, word: Token, values: Sequence[Token]) -> Comparison:
    operator = Operator(word.upper())
    if operator in (Operator.LIKE, Operator.ILIKE) and field.kind.numeric:
        raise _Refused(*_span(word), f"{field} is a number; compare it with = != < <= > >= or IN")
    if field.kind is Kind.CHOICE and operator.value[0] in "<>":
        raise _Refused(*_span(word), f"{field} has no order; compare it with = != IN LIKE or ILIKE")
    return Comparison(field, operator, tuple(_value(field, operator, token) for token in values))


def _value(field: Field, operator: Operator, token: Token) -> Value:
    if field.kind.numeric:
        if token.type != "NUMBER":
            raise _Refused(*_span(token), f"{field} is a number; write it without quotes")
        return _number(token)
    if token.type != "STRING":
        raise _Refused(*_span(token), f"{field} is text; write '{token}'")
    quote = token[0]
    text = token[1:-1].replace(quote * 2, quote)
    if operator in (Operator.LIKE, Operator.ILIKE):
        if field.kind is Kind.CHOICE:
            text = _without_prefix(field, text)
        try:
            return Pattern.parse(text)
        except ValueError:
            raise _Refused(
                *_span(token), r"the pattern ends with a lone '\'; write '\\' for a backslash"
            ) from None
    return _choice(field, token, text) if field.kind is Kind.CHOICE else text


def _choice(field: Field, token: Token, text: str) -> str:
    names = [member.value for member in CHOICES[field.name][0]]
    asked = _without_prefix(field, text).upper()
    for name in names:
        if name.upper() == asked:
            return name
    raise _Refused(*_span(token), f"{field} is one of {', '.join(names)}")


def _without_prefix(field: Field, text: str) -> str:
    prefix = CHOICES[field.name][1]
    return text[len(prefix) :] if text.upper().startswith(prefix) else text


def _number(token: Token) -> Fraction:
    _, _, exponent = token.lower().partition("e")
    if len(token) > _MAX_NUMBER_LENGTH or abs(int(exponent or 0)) > _MAX_EXPONENT:
        raise _Refused(*_span(token), f"the number is too long, or its exponent is above {_MAX_EXPONENT}")
    return Fraction(str(token))


# --- mistakes


def _span(*tokens: Token | None) -> tuple[int, int]:
    there = [token for token in tokens if token is not None]
    return cast(int, there[0].start_pos), cast(int, there[-1].end_pos)


def _syntax_mistake(error: UnexpectedInput, text: str) -> _Refused:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    start, length, expected = len(text), 1, set[str]()
    if isinstance(error, UnexpectedCharacters):
        start, expected = cast(int, error.pos_in_stream), set(error.allowed or ())
    elif isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        if error.token.type != "$END":
            start, length = cast(int, error.token.start_pos), len(error.token)
    words = sorted(_IN_WORDS.get(name, name) for name in expected - {"__IGNORE_0"})
    remedy = f"expected {' or '.join(words)}" if words else "cannot be read"
    if text[start : start + 1] in ("'", '"', "`"):
        remedy += "; is the closing quote missing?"
    return _Refused(start, start + length, remedy)


def _shown(field: str, text: str, mistake: _Refused) -> InvalidInput:
    """The mistake with the line around it and carets under its place."""
    start = min(mistake.start, len(text))
    first = max(0, start - _SHOWN_AROUND)
    line = "".join(c if c.isprintable() else " " for c in text[first : start + _SHOWN_AROUND])
    before, after = "…" if first else "", "…" if len(text) > start + _SHOWN_AROUND else ""
    indent = " " * (len(before) + start - first)
    carets = "^" * max(1, min(mistake.end - mistake.start, _SHOWN_AROUND))
    return InvalidInput.of(
        field,
        text[start : mistake.end].encode("utf-8", "backslashreplace").decode(),
        f"{mistake.remedy} (at character {start + 1})\n  {before}{line}{after}\n  {indent}{carets}",
    )

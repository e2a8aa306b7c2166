"""Personal data in records: keys, cards, IBANs, e-mail addresses and telephone numbers, by their patterns.

Patterns that can be checked are (Luhn for cards, ISO 13616 for IBANs); names and addresses have none and are
not found. Every pattern takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from burnish.redaction import KEY_SHAPES

Check = Callable[[str], bool]
"""Whether what a pattern has found is one."""


class PersonalDataKind(StrEnum):
    KEY = "API key"
    IBAN = "IBAN"
    CARD = "card number"
    EMAIL = "e-mail address"
    PHONE = "phone number"

    @property
    def mask(self) -> str:
        """What stands in its place."""
        return f"[{self.name}]"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One find.

    Attributes:
        path: where it stands, such as ``inputs.messages[].content``; positions in lists are left out.
        shown: enough of it to recognize it by, and no more.
    """

    kind: PersonalDataKind
    path: str
    shown: str


def find_personal_data(value: Any, path: str) -> Iterator[PersonalData]:
    """Every find in a JSON value, its keys included.

    Args:
        path: of the value itself.
    """
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _in_text(str(name), path)
            yield from find_personal_data(entry, f"{path}.{mask_text(str(name))}")
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from find_personal_data(entry, f"{path}[]")
    elif _is_text(value):
        yield from _in_text(str(value), path)


def mask_personal_data(value: Any) -> Any:
    """The same JSON value with ``[EMAIL]`` and the like in the place of every find."""
    if isinstance(value, Mapping):
        return {mask_text(str(name)): mask_personal_data(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_personal_data(entry) for entry in value]
    if not _is_text(value):
        return value
    masked = mask_text(str(value))
    return value if masked == str(value) else masked


def mask_text(text: str) -> str:
    """The text with every find masked."""
    parts, at = [], 0
    for found in _finds(text):
        parts += [text[at : found.start], found.kind.mask]
        at = found.end
    return "".join([*parts, text[at:]])


def _is_text(value: Any) -> bool:
    """A number may be a card's, too."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _in_text(text: str, path: str) -> Iterator[PersonalData]:
    for found in _finds(text):
        yield PersonalData(found.kind, path, _abridged(text[found.start : found.end]))


class _Find(NamedTuple):
    start: int
    end: int
    kind: PersonalDataKind


def _finds(text: str) -> list[_Find]:
    """In the order of the text. What a pattern has found is hidden from those behind it."""
    found: list[_Find] = []
    for kind, pattern, is_one in _PATTERNS:

        def note(match: re.Match[str], kind: PersonalDataKind = kind, is_one: Check = is_one) -> str:
            if not is_one(match.group()):
                return match.group()
            found.append(_Find(match.start(), match.end(), kind))
            return _HIDDEN * len(match.group())

        text = pattern.sub(note, text)
    return sorted(found)


def _abridged(text: str) -> str:
    return f"{text[:2]}…{text[-2:]}" if len(text) > 8 else "…"


# --- patterns

_HIDDEN = "\0"


def _is_card(text: str) -> bool:
    """By length and first digits of its network, and its check digit (ISO/IEC 7812)."""
    digits = re.sub(r"\D", "", text)
    if not _CARD_PREFIX.fullmatch(digits):
        return False
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return 7 <= sum(character.isdigit() for character in text) <= 15


def _always(text: str) -> bool:
    return True


_CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|65\d{2}|64[4-9]\d|35(?:2[89]|[3-8]\d)|5018|5020|5038|62\d{2})\d{12}"  # Discover, JCB, others
)
_PATTERNS: tuple[tuple[PersonalDataKind, re.Pattern[str], Check], ...] = (
    *((PersonalDataKind.KEY, shape, _always) for shape in KEY_SHAPES),
    (
        PersonalDataKind.EMAIL,
        re.compile(r"(?<![\w.+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,24}\b"),
        _always,
    ),
    (
        PersonalDataKind.IBAN,
        re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
        _is_iban,
    ),
    (PersonalDataKind.CARD, re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card),
    (
        PersonalDataKind.PHONE,
        re.compile(
            r"(?<![\w.,/+-])(?<!\d )(?:"
            r"(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d(?:[ ./-]?\d){5,12}"  # with the country
            r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}"  # North America
            r"|0\d{2,4}[ /-]\d{3,4}(?:[ -]?\d{2,5}){1,2}"  # with the area
            r")(?![\w-])"
        ),
        _is_phone,
    ),
)

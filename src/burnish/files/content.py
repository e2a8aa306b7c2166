"""The bytes of a user's file, and their text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from burnish.domain.text import is_well_formed
from burnish.files.problems import FileProblems

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file on this machine, or one that was sent.

    Attributes:
        path: as the user wrote it; its suffix names the format.
        sent: its bytes, where it was sent; ``None``: it is on this machine.
    """

    path: Path
    sent: bytes | None = None


def read_bytes(file: UserFile, problems: FileProblems) -> bytes:
    """Everything in the file, without a UTF-8 byte order mark.

    Raises:
        InvalidInput: missing, a folder, unreadable, empty, or UTF-16; its name is not UTF-8.
    """
    if not is_well_formed(str(file.path)):
        raise problems.stop(None, "", "", "its name is not UTF-8; rename the file")
    try:
        data = file.path.read_bytes() if file.sent is None else file.sent
    except FileNotFoundError as error:
        raise problems.stop(None, "", "", "there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise problems.stop(None, "", "", "is a folder; name the file in it") from error
    except (OSError, ValueError) as error:
        raise problems.stop(None, "", "", f"cannot be read: {error}") from error
    if data.startswith(_UTF_16):
        raise problems.stop(None, "", "", "is UTF-16; save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise problems.stop(None, "", "", "is empty")
    return data


def decode(data: bytes, problems: FileProblems) -> str:
    """The bytes as UTF-8.

    Raises:
        InvalidInput: names the line and the offset of the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise problems.stop(line, "", *not_utf8(error)) from error


def not_utf8(error: UnicodeDecodeError) -> tuple[str, str]:
    """Value and remedy."""
    shown = error.object[error.start : error.start + 1].hex()
    return f"byte 0x{shown} at offset {error.start}", "is not UTF-8; save the file as UTF-8"

"""What ``burnish app serve`` can be given in tests."""

from __future__ import annotations

from typing import Any

NUMBER = 7


def shout(text: str) -> str:
    """Uses no prompt."""
    return text.upper()


class Shop:
    """Has a method that can be served."""

    @staticmethod
    def answer(question: str) -> dict[str, Any]:
        return {"answer": question}

"""How a candidate's texts stand in a question to the reflection model, and are read from its answer.

The one reader of whole texts, for every optimizer that has prompts rewritten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from burnish.domain.candidate import Candidate
from burnish.llm.protocol import Completion
from burnish.optimizers.prompts.components import Component, Components, Texts
from burnish.optimizers.prompts.delimiters import Delimiters, UnusableAnswer


class ProposalFormat:
    """The format of one question.

    Args:
        components: of the source.
        parent: the candidate to be rewritten.
        numbers: the components that are asked for; all by default.
        beside: whatever else the question holds; the delimiters do not occur in it either.
    """

    def __init__(
        self,
        components: Components,
        parent: Candidate,
        numbers: Collection[int] | None = None,
        beside: Collection[str] = (),
    ) -> None:
        self.components = components
        self._parent = parent
        everything = components.texts(parent)
        self._texts: Texts = {
            number: text for number, text in everything.items() if numbers is None or number in numbers
        }
        fixed = [component.text_in(parent) for component in components.fixed]
        self.delimiters = Delimiters.avoiding("prompt", *everything.values(), *fixed, *beside)
        self._others = [components[number] for number in everything if number not in self._texts] + [
            *components.fixed
        ]

    @property
    def is_single(self) -> bool:
        """Whether one text is asked for; it needs no name then."""
        return len(self._texts) == 1

    def shown(self) -> str:
        """The texts that are asked for, each between its tags, with what it is where there are several."""
        if self.is_single:
            return self.delimiters.wrap(next(iter(self._texts.values())))
        return "\n\n".join(
            f"{self._described(self.components[number])}:\n"
            f"{self.delimiters.wrap(text, name=self.components[number].name)}"
            for number, text in self._texts.items()
        )

    def context(self) -> str:
        """The other texts of the candidate, which stay as they are; empty when there are none."""
        return "\n\n".join(
            f"{self._described(component)}:\n{Delimiters('unchanged').wrap(component.text_in(self._parent))}"
            for component in self._others
        )

    def read(self, answer: Completion, or_fenced: bool = False) -> Texts:
        """The new texts of an answer. What it leaves out, or only pads with blank lines, stays.

        Args:
            or_fenced: see :meth:`Delimiters.read_one`.

        Raises:
            UnusableAnswer: it holds none, or one of a name that was not asked for.
        """
        if self.is_single:
            [number] = self._texts
            return self._new({number: self.delimiters.read_one(answer, or_fenced)})
        by_name = {self.components[number].name: number for number in self._texts}
        texts: Texts = {}
        for block in self.delimiters.read(answer):
            name = block.attributes.get("name", "")
            if name not in by_name:
                raise UnusableAnswer(f"no text {name!r} was asked for, but {', '.join(by_name)}")
            texts[by_name[name]] = block.text
        return self._new(texts)

    def _new(self, texts: Mapping[int, str]) -> Texts:
        return {
            number: old if (text := texts.get(number, old)).strip() == old.strip() else text.strip("\n")
            for number, old in self._texts.items()
        }

    def _described(self, component: Component) -> str:
        described = self.components.describe(component)
        return described[:1].upper() + described[1:]

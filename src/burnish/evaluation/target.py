"""What is evaluated under a candidate's prompts: one model, or a whole app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example, record_name
from burnish.domain.prompt import Message
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.errors import InvalidInput
from burnish.llm.protocol import AppRequest, Completion, LanguageModel, Parameters, Purpose, Request


class Target(Protocol):
    """Answers examples under a candidate's prompts. Journal, budget and limits are kept behind it."""

    async def answer(self, candidate: Candidate, example: Example, purpose: Purpose) -> Completion:
        """
        Raises:
            InvalidInput: a prompt cannot be filled in with this example.
            Others as ``LanguageModel.complete``.
        """
        ...


class ModelTarget:
    """One model, which is asked the prompts themselves.

    Args:
        prompts: names of the candidates' prompts. Several are rendered with the same inputs and sent
            in this order as the messages of one conversation, which has one answer.
        uri: of the model.
        parameters: from the source prompt's model config.
        renderer: fills the prompts in.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[str],
        uri: str,
        parameters: Parameters | None = None,
        renderer: Renderer | None = None,
    ) -> None:
        self._model = model
        self._prompts = tuple(prompts)
        self._uri = uri
        self._parameters = parameters or Parameters()
        self._renderer = renderer or PlainRenderer()

    async def answer(self, candidate: Candidate, example: Example, purpose: Purpose) -> Completion:
        messages: list[Message] = []
        try:
            for name in self._prompts:
                messages.extend(await self._renderer.render(candidate.texts[name], example.inputs))
        except InvalidInput as error:
            where = record_name(example)
            raise InvalidInput(
                *(replace(problem, remedy=f"{problem.remedy} ({where})") for problem in error.problems)
            ) from None
        request = Request(model=self._uri, messages=tuple(messages), parameters=self._parameters)
        return replace(await self._model.complete(request, purpose), asked=request)


class AppGateway(Protocol):
    """The job's gateway, which runs its app, too."""

    async def complete(self, request: AppRequest, purpose: Purpose) -> Completion: ...


class AppTarget:
    """The job's app, which uses the prompts as it likes.

    Args:
        uri: of the app.
    """

    def __init__(self, gateway: AppGateway, uri: str) -> None:
        self._gateway = gateway
        self._uri = uri

    async def answer(self, candidate: Candidate, example: Example, purpose: Purpose) -> Completion:
        request = AppRequest(
            model=self._uri,
            prompts=candidate.texts,
            inputs=example.inputs,
            example_id=example.example_id,
        )
        return await self._gateway.complete(request, purpose)

"""What a language model call is, and who can answer one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from burnish.domain.answer import AnswerOutcome, outcome_of, split_thinking
from burnish.domain.app import AppRun
from burnish.domain.hashing import digest
from burnish.domain.prompt import Message, Template, template_to_json
from burnish.domain.records import CallKey, JournalEntry
from burnish.domain.usage import Role, Usage
from burnish.errors import InvalidInput, ModelError, Problem

RESERVED_OPTIONS: Mapping[str, str] = {
    "model": "the model is named elsewhere",
    "messages": "the messages are the prompt's template",
    "stream": "answers are not streamed",
    "n": "one answer is asked for at a time",
    "best_of": "one answer is asked for at a time",
    "max_output_tokens": "say max_tokens",
    "base_url": "an address stands in the model's URI",
    "api_base": "an address stands in the model's URI",
    "api_key": "a key does not belong into a prompt; set the provider's environment variable",
    "extra_headers": "headers are the operator's; set the provider's environment variables",
    "extra_body": "put its entries among the other options",
    **dict.fromkeys(("temperature", "max_tokens", "top_p", "stop", "seed", "response_format"), "has a field"),
}
"""What ``Parameters.extra`` must not hold, with the remedy: it would change who is asked, or what an answer
may cost, behind the budget's back."""


OTHER_CAP = "max_completion_tokens"
"""OpenAI's other name of ``max_tokens``; said explicitly it is sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Sampling options; ``None`` leaves the provider's default.

    Attributes:
        max_tokens: cap on the answer, tokens.
        response_format: OpenAI-style ``{"type": "json_schema", ...}``, translated by each provider.
        extra: passed through to the provider as they are.

    Raises:
        InvalidInput: ``extra`` holds one of :data:`RESERVED_OPTIONS`, or a second cap on the answer.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    response_format: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output_cap(self) -> int | None:
        """Most tokens of the answer, by whichever of the two names that OpenAI's API has for it."""
        return self.max_tokens or self.extra.get(OTHER_CAP)

    def with_output_cap(self, tokens: int) -> Parameters:
        """The same with another cap on the answer."""
        extra = {name: value for name, value in self.extra.items() if name != OTHER_CAP}
        return replace(self, max_tokens=tokens, extra=extra)

    def __post_init__(self) -> None:
        reserved = sorted(self.extra.keys() & RESERVED_OPTIONS.keys())
        problems = [Problem(name, "", RESERVED_OPTIONS[name]) for name in reserved]
        cap = self.extra.get(OTHER_CAP)
        if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
            problems.append(Problem(OTHER_CAP, str(cap), "must be a whole number, 1 or more"))
        elif cap is not None and self.max_tokens is not None:
            problems.append(Problem(OTHER_CAP, str(cap), "max_tokens is set, too; say one of them"))
        if problems:
            raise InvalidInput(*problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion.

    Attributes:
        model: URI such as ``openai:/gpt-4o-mini`` or ``local:/smollm2``.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Parameters = field(default_factory=Parameters)
    _digest: str | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of model, messages and parameters.

        The same in every process and version, since journals find calls by it.
        """
        if self._digest is None:  # computed once: each call asks for it several times
            object.__setattr__(self, "_digest", _digest(self))
        assert self._digest is not None
        return self._digest

    @property
    def output_cap(self) -> int | None:
        """Most tokens of the answer, where that is said."""
        return self.parameters.output_cap


def _digest(request: Request) -> str:
    parameters = request.parameters
    content = [
        request.model,
        [[message.role, message.content] for message in request.messages],
        parameters.temperature,
        parameters.max_tokens,
        parameters.top_p,
        parameters.stop,
        parameters.seed,
        parameters.response_format,
        parameters.extra,
    ]
    # Not hashing.digest: that keeps other scripts as they are, which would lose every call journaled so far.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRequest:
    """One run of an app: a candidate's prompts on one example.

    Attributes:
        model: URI of the app.
        prompts: prompt name → the candidate's template.
        inputs: of the example.
        example_id: for an app that knows its examples; it is no part of what makes two requests the same.
    """

    model: str
    prompts: Mapping[str, Template]
    inputs: Mapping[str, Any]
    example_id: str = field(default="", compare=False)
    _digest: str | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of app, prompts and inputs, by which journals find the run."""
        if self._digest is None:
            texts = {name: template_to_json(template) for name, template in self.prompts.items()}
            object.__setattr__(self, "_digest", digest([self.model, texts, dict(self.inputs)], 32))
        assert self._digest is not None
        return self._digest

    @property
    def output_cap(self) -> None:
        """An app's output has no cap of ours."""
        return None


AnyRequest = Request | AppRequest
"""What goes through the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer to one request.

    Attributes:
        finish_reason: ``stop``, ``length``, ... as the provider says.
        prompt_tokens, completion_tokens: as the provider counts; estimated where it does not say.
        left_out: parameters of the request that this endpoint does not take.
        usage: what it cost, where the one who answers knows better than by these tokens.
        run: of an app.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = "stop"
    left_out: frozenset[str] = frozenset()
    usage: Usage | None = None
    run: AppRun | None = None


class Provider(Protocol):
    """One kind of model server.

    Promises (``llm.testing.ProviderContract``):
        * ``complete`` makes exactly one request; it never retries (the gateway does);
        * failures are the :class:`~burnish.errors.ModelError` kinds, with the remedy in words and
          without secrets; a ``retry_after_seconds`` attribute carries the server's own wish, if any;
        * cancelling the awaiting task aborts the request.
    """

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """Answer one request. ``model_name`` is the URI's part behind the scheme."""
        ...

    async def close(self) -> None:
        """Give connections and memory back. May be called twice."""
        ...


class AppProvider(Protocol):
    """One app, wherever it runs.

    Promises:
        * ``run`` runs it once, under the prompts of the request and no other's, however many run beside;
        * it never retries (the gateway does, where the error is a ``ModelUnavailable``);
        * the response says what the run cost in ``usage``, and what else is known of it in ``run``.
    """

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        """
        Raises:
            AppFailed: this run failed; another may not.
            ModelError: as ``Provider.complete``.
        """
        ...


class AppFailed(ModelError):
    """One run of an app failed: that example's failure.

    Attributes:
        usage: what it cost until then.
        app_run: what is known of it.
    """

    def __init__(
        self, app: str, message: str, usage: Usage | None = None, app_run: AppRun | None = None
    ) -> None:
        super().__init__(app, message)
        self.usage, self.app_run = usage, app_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """Why a call is made. With the request, it identifies the call in the journal.

    Attributes:
        phase: ``search``, ``test``, ``reflection``, ``teaching`` or ``judge``; a constant of the caller's,
            never a time.
        sample: n-th independent sample of the same request; equal numbers are the same call.
    """

    role: Role
    candidate_id: str = ""
    example_id: str = ""
    phase: str = "search"
    sample: int = 0

    def key_of(self, request: AnyRequest) -> CallKey:
        """What the call *is*, never when it was made: the journal of every job finds its calls by this."""
        return CallKey(
            role=self.role,
            candidate_id=self.candidate_id,
            example_id=self.example_id,
            phase=self.phase,
            sample=self.sample,
            request_hash=request.digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the gateway gives back: the answer, what it cost, and whether it came from the journal.

    Attributes:
        text: what counts as the answer.
        thinking: what the model wrote in front of it and what is left out of ``text``. The journal has
            the whole answer as its text, and nothing here.
        run: of an app.
        asked: what it answers, where the one who asked says so.
    """

    text: str
    usage: Usage
    finish_reason: str = "stop"
    replayed: bool = False
    thinking: str = ""
    run: AppRun | None = None
    asked: Request | None = None

    @property
    def outcome(self) -> AnswerOutcome:
        """Whether it is an answer that can be used."""
        return outcome_of(self.text, self.finish_reason)

    def without_thinking(self) -> Completion:
        """The same with the thinking set apart from the text."""
        thinking, text = split_thinking(self.text)
        return replace(self, text=text, thinking=thinking) if thinking else self

    def to_entry(self, key: CallKey) -> JournalEntry:
        """The finished call as a journal keeps it."""
        return JournalEntry(
            key=key, text=self.text, finish_reason=self.finish_reason, usage=self.usage, run=self.run
        )

    @classmethod
    def from_entry(cls, entry: JournalEntry) -> Completion:
        """The finished call as its caller gets it again, paid already."""
        return cls(
            text=entry.text,
            usage=entry.usage,
            finish_reason=entry.finish_reason,
            replayed=True,
            run=entry.run,
        )


class Journal(Protocol):
    """The durable record of one job's calls, as the gateway needs it."""

    def find(self, key: CallKey) -> Completion | None:
        """The finished call, if there is one."""
        ...

    async def begin(self, key: CallKey, reserved: Usage) -> None:
        """Note durably that the call is about to be made. Returns when it is on disk.

        Raises:
            AttemptSuperseded: another attempt has the job; do not call.
        """
        ...

    async def finish(self, key: CallKey, completion: Completion) -> None:
        """Keep the answer durably. Returns when it is on disk.

        Raises:
            AttemptSuperseded
        """
        ...

    async def abandon(self, key: CallKey) -> None:
        """The call was begun and certainly cost nothing (refused by the provider, never sent)."""
        ...


class LanguageModel(Protocol):
    """The gateway as one job sees it.

    Raises (all of them from ``complete``):
        BudgetExhausted: the call does not fit; it was not made.
        ModelError: after the gateway's own retries.
        AttemptSuperseded: another attempt has the job.
    """

    async def complete(self, request: Request, purpose: Purpose) -> Completion: ...

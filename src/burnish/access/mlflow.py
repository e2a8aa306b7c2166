"""MLflow's own rules, whatever they are: MLflow itself is asked, as the user."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from burnish.access.protocol import WORKSPACE_HEADER, Caller, Kind, Need, NewJob, Permission
from burnish.access.questions import (
    CURRENT_USER,
    WHO,
    Question,
    experiments_of_dataset,
    page_of,
    question_of,
    questions_of_new_job,
    read_page,
)
from burnish.domain.actor import Actor
from burnish.domain.job import DEFAULT_WORKSPACE
from burnish.errors import InvalidInput, NotAuthenticated, NotFound, PermissionDenied, TrackingUnavailable
from burnish.tracking.names import split_prompt_uri

_CREDENTIALS = ("authorization", "cookie", WORKSPACE_HEADER)
_MOST_REMEMBERED = 10_000
_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What MLflow said.

    Attributes:
        user: the name under which MLflow knows who asked, where it says so.
    """

    status: int
    text: str = ""
    challenge: str = ""
    user: str | None = None

    def json(self) -> dict[str, Any]:
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


NO_ENDPOINT = Answer(404, "this MLflow has no such endpoint")


class Answers(Protocol):
    """The way to MLflow.

    Both methods raise TrackingUnavailable where it is away.
    """

    async def guard(self, question: Question, headers: Mapping[str, str]) -> Answer:
        """What MLflow's guard says of it: 200 where it has no objection, ``NO_ENDPOINT`` where there is
        nothing to guard."""
        ...

    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
        """The whole answer."""
        ...


class MlflowAuthority:
    """Asks MLflow.

    Args:
        remember_seconds: how long a "yes" is believed; a "no" is asked again each time.
        clock: seconds, for that.
    """

    def __init__(
        self,
        answers: Answers,
        remember_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answers = answers
        self._remember_seconds = remember_seconds
        self._clock = clock
        self._known: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        credentials = {name: headers[name] for name in _CREDENTIALS if name in headers}
        name = self._remembered(key := ("who", _digest(credentials)))
        if name is None:
            name = await self._ask_who(credentials)
            self._remember(key, name)
        workspace = credentials.get(WORKSPACE_HEADER, "").strip() or DEFAULT_WORKSPACE
        return Caller(Actor(name or None, workspace), credentials)

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        if need.kind is Kind.DATASET:
            for experiment_id in await self._experiments_of_dataset(caller, need.name):
                await self.check(caller, Need(need.permission, Kind.EXPERIMENT, experiment_id), fresh=fresh)
            return
        _raise_refusal(await self._guard(caller, question_of(need), fresh))

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        await self.check(caller, Need(Permission.UPDATE, Kind.EXPERIMENT, wanted.experiment_id))
        names = _prompt_names(wanted)
        for name in names:  # a job shows its prompts' texts; MLflow's own endpoint lets in whom nobody denied
            await self.check(caller, Need(Permission.READ, Kind.PROMPT, name))
        for question in questions_of_new_job(wanted):
            if (answer := await self._guard(caller, question)) != NO_ENDPOINT:
                _raise_refusal(answer)
                continue
            for name in names:  # MLflow 3.9 has no rule for jobs, which write versions
                await self.check(caller, Need(Permission.UPDATE, Kind.PROMPT, name))
            break
        if wanted.dataset_id:
            await self.check(caller, Need(Permission.READ, Kind.DATASET, wanted.dataset_id))

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        key = (kind, _digest(caller.credentials))
        found: frozenset[str] | None = None if fresh else self._remembered(key)
        if found is None:
            found = await self._list(caller, kind)
            self._remember(key, found)
        return found

    async def _ask_who(self, credentials: Mapping[str, str]) -> str:
        answer = await self._answers.guard(WHO, credentials)
        workspace = credentials.get(WORKSPACE_HEADER, "")
        if answer.status == 404 and workspace:
            raise NotFound("workspace", workspace)
        if answer.status == 400 and workspace:
            remedy = answer.json().get("message") or "is no workspace of this server"
            raise InvalidInput.of(WORKSPACE_HEADER.upper(), workspace, remedy)
        _raise_refusal(answer)
        if answer.user is not None:
            return answer.user
        if name := _basic_user(credentials.get("authorization", "")):
            return name
        said = (await self._answers.send(CURRENT_USER, credentials)).json()
        user = said.get("user", said)
        return str(user.get("username") or "") if isinstance(user, dict) else ""

    async def _list(self, caller: Caller, kind: Kind) -> frozenset[str]:
        within: frozenset[str] = frozenset()
        if kind is Kind.DATASET:
            within = await self.readable(caller, Kind.EXPERIMENT) or within
            if not within:
                return within
        found: set[str] = set()
        token = ""
        for _ in range(_MOST_PAGES):
            answer = await self._answers.send(page_of(kind, token, within), caller.credentials)
            _raise_refusal(answer)
            names, token = read_page(kind, answer.json())
            found.update(names)
            if not token:
                break
        return frozenset(found)

    async def _experiments_of_dataset(self, caller: Caller, dataset_id: str) -> list[str]:
        answer = await self._answers.send(experiments_of_dataset(dataset_id), caller.credentials)
        _raise_refusal(answer)
        return list(answer.json().get("experiment_ids", ()))  # none: whoever asks next finds that out

    async def _guard(self, caller: Caller, question: Question, fresh: bool = False) -> Answer:
        key = ("may", _digest(caller.credentials), _digest(asdict(question)))
        if not fresh and self._remembered(key):
            return Answer(200)
        answer = await self._answers.guard(question, caller.credentials)
        if answer.status == 200:
            self._remember(key, True)
        return answer

    def _remembered(self, key: Hashable) -> Any:
        until, value = self._known.get(key, (0.0, None))
        return value if self._clock() < until else None

    def _remember(self, key: Hashable, value: Any) -> None:
        self._known[key] = (self._clock() + self._remember_seconds, value)
        self._known.move_to_end(key)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)


def _prompt_names(wanted: NewJob) -> list[str]:
    names = []
    for uri in wanted.prompt_uris:
        with suppress(InvalidInput):  # which the job is refused for
            names.append(split_prompt_uri(uri)[0])
    return list(dict.fromkeys(names))


def _raise_refusal(answer: Answer) -> None:
    """
    Raises:
        NotAuthenticated, PermissionDenied, TrackingUnavailable
    """
    said = answer.json().get("message") or answer.text
    if answer.status == 401:
        raise NotAuthenticated(said or "MLflow does not know who asks", answer.challenge)
    if answer.status >= 500:
        raise TrackingUnavailable(f"MLflow could not say whether this is permitted (status {answer.status})")
    if answer.status != 200:  # its rules look up what they are about, and may not find it
        raise PermissionDenied(said if answer.status == 403 and len(said) < 1000 else "Permission denied")


def _basic_user(authorization: str) -> str:
    """The user's name in HTTP Basic; passwords may hold colons, names may not."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(value: Mapping[str, Any]) -> bytes:
    """What is remembered instead of credentials."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()

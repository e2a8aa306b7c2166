"""Tokens of a file: who has which, and what it may do."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from burnish.access.protocol import WORKSPACE_HEADER, Authority, Caller, Kind, Need, NewJob, Permission
from burnish.domain.actor import Actor
from burnish.errors import InvalidInput, NotAuthenticated, NotFound, PermissionDenied

MIN_TOKEN_LENGTH = 16
CHALLENGE = 'Bearer realm="burnish", Basic realm="burnish"'
_FIELD = "auth_token_file"
_NAMED = re.compile(r"(?P<name>[^\s:#][^\s:]*):(?:\s+(?P<rest>.*))?")
_FORM = "NAME: TOKEN [read|write] [EXPERIMENT_ID …]"


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the file.

    Attributes:
        digest: of the token, which is kept nowhere.
        name: ``None``: a line that is only a token.
        experiment_ids: ``None``: all.
    """

    digest: bytes
    name: str | None = None
    writes: bool = True
    experiment_ids: frozenset[str] | None = None

    @property
    def unlimited(self) -> bool:
        return self.writes and self.experiment_ids is None


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """A line is ``NAME: TOKEN [read|write] [EXPERIMENT_ID …]``, or only a token, which may do everything.
    Empty lines and those that begin with ``#`` are skipped.

    Raises:
        InvalidInput: the file cannot be read, holds none, or a wrong line. No token is shown.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput.of(_FIELD, path, f"cannot be read: {error}") from None
    tokens = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            tokens.append(_token_in(line.strip(), path, number))
    if not tokens:
        raise InvalidInput.of(_FIELD, path, f"holds no token; write one a line: {_FORM}")
    if len({token.digest for token in tokens}) < len(tokens):
        raise InvalidInput.of(_FIELD, path, "holds a token twice; take another one for each")
    return tuple(tokens)


def _token_in(line: str, path: Path, number: int) -> Token:
    named = _NAMED.fullmatch(line)
    name, words = (named["name"], (named["rest"] or "").split()) if named else (None, [line])
    if not words:
        raise InvalidInput.of(_FIELD, path, f"line {number} has no token; write {_FORM}")
    if len(words[0]) < MIN_TOKEN_LENGTH:
        remedy = f"the token in line {number} has less than {MIN_TOKEN_LENGTH} characters; take a longer one"
        raise InvalidInput.of(_FIELD, path, remedy)
    level = words[1] if len(words) > 1 and not words[1].isdigit() else "write"
    if level not in ("read", "write"):
        remedy = f"what stands behind the token in line {number} is neither read nor write; write {_FORM}"
        raise InvalidInput.of(_FIELD, path, remedy)
    experiments = words[1:] if len(words) > 1 and words[1].isdigit() else words[2:]
    return Token(digest_of(words[0]), name, level == "write", frozenset(experiments) or None)


def find_token(tokens: tuple[Token, ...], given: str) -> Token | None:
    digest = digest_of(given)
    found = [
        token for token in tokens if hmac.compare_digest(digest, token.digest)
    ]  # all: no timing to learn
    return found[0] if found else None


class TokenAuthority:
    """Lets in who has a token, and limits them to what its line says.

    Args:
        find: the token behind a request's headers: of its own, or of the session its cookie holds.
        behind: knows the workspaces.
        experiments_of: ids of the experiments that a dataset belongs to, or raises NotFound.
    """

    def __init__(
        self,
        find: Callable[[Mapping[str, str]], Token | None],
        behind: Authority,
        experiments_of: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        self._find = find
        self._behind = behind
        self._experiments_of = experiments_of

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        token = self._token(headers)
        named = {WORKSPACE_HEADER: headers[WORKSPACE_HEADER]} if WORKSPACE_HEADER in headers else {}
        workspace = (await self._behind.identify(named)).actor.workspace
        credentials = {name: headers[name] for name in ("authorization", "cookie") if name in headers}
        return Caller(Actor(token.name, workspace), credentials)

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        token = self._token(caller.credentials)
        if need.permission is not Permission.READ and not token.writes:
            raise PermissionDenied(f"this token may only read; it needs {need.permission}")
        within = token.experiment_ids
        if within is not None and need.kind is Kind.EXPERIMENT and need.name not in within:
            raise PermissionDenied(f"this token is for other experiments than {need.name}")
        if within is not None and need.kind is Kind.DATASET:
            await self._require_dataset(within, need.name)

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        await self.check(caller, Need(Permission.UPDATE, Kind.EXPERIMENT, wanted.experiment_id))
        if wanted.dataset_id:
            await self.check(caller, Need(Permission.READ, Kind.DATASET, wanted.dataset_id))

    async def _require_dataset(self, within: frozenset[str], dataset_id: str) -> None:
        found: Sequence[str] = ()
        with suppress(NotFound):  # as unknown as another experiment's
            found = await self._experiments_of(dataset_id)
        if not found or not within.issuperset(found):
            raise PermissionDenied(f"this token is for other experiments than those of dataset {dataset_id}")

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        within = self._token(caller.credentials).experiment_ids
        if within is None or kind is Kind.PROMPT:  # prompts belong to no experiment
            return None
        return within if kind is Kind.EXPERIMENT else frozenset()

    def _token(self, headers: Mapping[str, str]) -> Token:
        """
        Raises:
            NotAuthenticated
        """
        if (token := self._find(headers)) is None:
            raise NotAuthenticated("a token is needed", CHALLENGE)
        return token

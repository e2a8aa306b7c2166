"""What is remembered of MLflow's answers, and what is made of odd ones."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from burnish.access.mlflow import NO_ENDPOINT, Answer, MlflowAuthority
from burnish.access.protocol import EVERYBODY, Caller, Kind, Need, NewJob, Open, Permission
from burnish.access.questions import WHO, Question, question_of, questions_of_new_job
from burnish.access.server import HttpAnswers, ServerAuthority, WholeAnswers
from burnish.api.admission import Admission
from burnish.api.authority import FAR_SECONDS
from burnish.api.routes import Call, Visible
from burnish.api.testing import serving
from burnish.errors import InvalidInput, NotAuthenticated, NotFound, PermissionDenied, TrackingUnavailable

READ = Need(Permission.READ, Kind.EXPERIMENT, "7")


class ScriptedMlflow(WholeAnswers):
    """Gives the same answer to everything."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[Question] = []

    async def guard(self, question: Question, headers: Mapping[str, str]) -> Answer:
        return await self.send(question, headers)

    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def authority_over(answer: Answer | Exception) -> tuple[MlflowAuthority, ScriptedMlflow, list[float]]:
    now, mlflow = [0.0], ScriptedMlflow(answer)
    return MlflowAuthority(mlflow, 30.0, lambda: now[0]), mlflow, now


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def test_a_yes_is_believed_for_a_while_and_a_no_never() -> None:
    authority, mlflow, now = authority_over(Answer(200))
    caller = Caller(credentials=basic("ana", "x"))
    for _ in range(3):
        await authority.check(caller, READ)
    assert len(mlflow.asked) == 1
    await authority.check(caller, READ, fresh=True)
    now[0] = 31.0
    mlflow.answer = Answer(403, "Permission denied")
    for _ in range(2):
        with pytest.raises(PermissionDenied, match="Permission denied"):
            await authority.check(caller, READ)
    assert len(mlflow.asked) == 4


async def test_what_is_believed_of_one_is_not_of_another() -> None:
    authority, mlflow, _ = authority_over(Answer(200))
    await authority.check(Caller(credentials=basic("ana", "right")), READ)
    mlflow.answer = Answer(401, "who?", 'Basic realm="mlflow"')
    with pytest.raises(NotAuthenticated) as refused:
        await authority.check(Caller(credentials=basic("ana", "wrong")), READ)
    assert refused.value.challenge == 'Basic realm="mlflow"'


@pytest.mark.parametrize("password", ["a:b::c", "pässwörd 漢字", ":", ""])
async def test_passwords_may_hold_anything(password: str) -> None:
    authority, _, _ = authority_over(Answer(200))
    assert (await authority.identify(basic("ana", password))).actor.name == "ana"


@pytest.mark.parametrize("answer", [Answer(500, "<html>"), Answer(502), TrackingUnavailable("away")])
async def test_where_mlflow_cannot_say_nothing_is_permitted(answer: Answer | Exception) -> None:
    authority, _, _ = authority_over(answer)
    with pytest.raises(TrackingUnavailable):
        await authority.identify(basic("ana", "x"))
    with pytest.raises(TrackingUnavailable):
        await authority.check(EVERYBODY, READ)


async def test_a_job_needs_its_prompts_whatever_mlflow_asks() -> None:
    """Its rule for jobs lets in whom nobody denied the prompt; MLflow 3.9 has none."""
    wanted = NewJob("7", ("prompts:/ours/1", "prompts:/teacher@best", "no prompt"))
    authority, mlflow, _ = authority_over(Answer(200))
    await authority.check_new_job(EVERYBODY, wanted)
    read = [question.query.get("name") for question in mlflow.asked if "registered-models" in question.path]
    assert read == ["ours", "teacher"]
    assert not any("model-versions" in question.path for question in mlflow.asked)

    class Older(ScriptedMlflow):
        async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
            await super().send(question, headers)
            if question.path.endswith("model-versions/create"):
                return Answer(403, "Permission denied")
            return NO_ENDPOINT if "prompt-optimization" in question.path else Answer(200)

    older = Older(Answer(200))
    with pytest.raises(PermissionDenied):
        await MlflowAuthority(older, 30.0, lambda: 0.0).check_new_job(EVERYBODY, wanted)
    assert older.asked[-1].body == {"name": "ours"}


async def test_a_workspace_that_there_is_not() -> None:
    authority, mlflow, _ = authority_over(Answer(404, '{"message": "no such workspace"}'))
    with pytest.raises(NotFound, match="team-b"):
        await authority.identify({"x-mlflow-workspace": "team-b"})
    mlflow.answer = Answer(400, '{"message": "workspaces are not enabled"}')
    with pytest.raises(InvalidInput, match="not enabled"):
        await authority.identify({"x-mlflow-workspace": "team-b"})
    with pytest.raises(InvalidInput, match="X-MLFLOW-WORKSPACE"):
        await Open().identify({"x-mlflow-workspace": "team-b"})


async def test_a_server_that_answers_everybody_has_no_users() -> None:
    now, mlflow = [0.0], ScriptedMlflow(Answer(200))
    authority = ServerAuthority(mlflow, 30.0, lambda: now[0])
    caller = await authority.identify({})
    await authority.check(caller, READ)
    assert await authority.readable(caller, Kind.EXPERIMENT) is None
    assert mlflow.asked == [WHO]
    now[0], mlflow.answer = 61.0, Answer(401, "", 'Basic realm="mlflow"')
    with pytest.raises(NotAuthenticated):
        await authority.identify({})


async def test_whether_a_server_has_users_is_not_guessed() -> None:
    now, mlflow = [0.0], ScriptedMlflow(TrackingUnavailable("away"))
    authority = ServerAuthority(mlflow, 30.0, lambda: now[0])
    with pytest.raises(TrackingUnavailable):
        await authority.identify({})
    mlflow.answer = Answer(200)
    assert await authority.identify({}) is EVERYBODY
    now[0], mlflow.answer = 61.0, TrackingUnavailable("away")
    assert await authority.identify({}) is EVERYBODY  # as it was known to be


async def test_a_server_elsewhere_is_asked_over_http() -> None:
    seen: list[tuple[str, str | None]] = []

    async def mlflow(request: Request) -> Response:
        seen.append((request.url.path, request.headers.get("authorization")))
        if "authorization" not in request.headers:
            return Response("who?", 401, headers={"www-authenticate": 'Basic realm="mlflow"'})
        if request.url.path.endswith("experiments/get"):
            return JSONResponse({"experiment": {"lifecycle_stage": "deleted"}})
        return JSONResponse(
            {"error_code": "INVALID_PARAMETER_VALUE"}, 400 if request.method == "POST" else 200
        )

    app = Starlette(routes=[Route("/{path:path}", mlflow, methods=["GET", "POST"])])
    async with serving(app) as url:
        authority = ServerAuthority(HttpAnswers(url), 30.0)
        with pytest.raises(NotAuthenticated):
            await authority.identify({})
        caller = await authority.identify(basic("ana", "ü:1"))
        assert caller.actor.name == "ana"
        await authority.check(caller, Need(Permission.UPDATE, Kind.EXPERIMENT, "7"))  # refused by the handler
        asked = len(seen)
        with pytest.raises(PermissionDenied, match="deleted"):  # nothing is restored
            await authority.check(caller, Need(Permission.DELETE, Kind.EXPERIMENT, "7"))
        assert len(seen) == asked + 1
    assert seen[-1][1] == basic("ana", "ü:1")["authorization"]
    with pytest.raises(TrackingUnavailable, match="does not answer"):
        await ServerAuthority(HttpAnswers(url), 30.0).identify({})


async def test_a_bearer_token_is_checked_by_the_server_elsewhere_for_a_minute_at_most() -> None:
    now, valid, asked = [0.0], {"Bearer good"}, [0]

    async def mlflow(request: Request) -> Response:
        if request.headers.get("authorization") not in valid:
            return Response("who?", 401, headers={"www-authenticate": "Bearer"})
        asked[0] += 1
        if request.url.path.endswith("users/current"):
            return JSONResponse({"user": {"username": "ana"}})
        return JSONResponse({})

    app = Starlette(routes=[Route("/{path:path}", mlflow, methods=["GET", "POST"])])
    async with serving(app) as url:
        authority = ServerAuthority(HttpAnswers(url), FAR_SECONDS, lambda: now[0])
        good, bad = {"authorization": "Bearer good"}, {"authorization": "Bearer bad"}
        caller = await authority.identify(good)
        assert caller.actor.name == "ana"
        await authority.check(caller, READ)
        known = asked[0]
        await authority.check(await authority.identify(good), READ)
        assert asked[0] == known
        with pytest.raises(NotAuthenticated):
            await authority.identify(bad)
        valid.clear()
        now[0] = 60.0
        with pytest.raises(NotAuthenticated):
            await authority.identify(good)
        with pytest.raises(NotAuthenticated):
            await authority.check(caller, READ)


async def test_a_server_elsewhere_that_knows_no_jobs() -> None:
    async def mlflow(request: Request) -> Response:
        if request.url.path.endswith("runs/create"):  # refused by the handler
            return JSONResponse({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)
        return Response("<html>", 404)

    async with serving(Starlette(routes=[Route("/{path:path}", mlflow, methods=["GET", "POST"])])) as url:
        answers = HttpAnswers(url)
        assert (
            await answers.guard(question_of(Need(Permission.UPDATE, Kind.EXPERIMENT, "7")), {})
        ).status == 200
        (question,) = questions_of_new_job(NewJob("7", ("prompts:/ours/1",)))
        assert await answers.guard(question, {}) == NO_ENDPOINT


async def test_a_stream_ends_soon_after_its_permission() -> None:
    now, denied = [0.0], [False]

    async def again() -> Visible:
        if denied[0]:
            raise PermissionDenied("not any more")
        return Visible(names=frozenset({"8"}))

    async def parts() -> AsyncIterator[bytes]:
        while True:
            now[0] += 15.0  # a heartbeat, at the latest
            yield b"part"

    admission = Admission(Call(None, admit_again=again), lambda: now[0])
    ended_at = None
    seen = 0
    async for _ in admission.guard(parts()):
        seen += 1
        if seen == 4:
            assert admission.visible().shows("8") and not admission.visible().shows("7")
            denied[0], ended_at = True, now[0]
    assert ended_at is not None and now[0] - ended_at < 60.0

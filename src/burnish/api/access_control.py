"""What each method of the service needs, in one table, and the one place where that is asked.

A method without a row is refused to everybody; a test holds the table complete.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from burnish.access.protocol import Authority, Caller, Kind, Need, NewJob, Permission
from burnish.api.routes import Call, Visible
from burnish.api.services import Services
from burnish.api.wire import read_job_request, read_repeat_request
from burnish.domain.job import Job, JobConfig
from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput, NotFound, PermissionDenied
from burnish.samples import DEMO_PROMPT_NAME
from burnish.tracking.names import split_prompt_uri

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose caller is known.

    Attributes:
        fresh: nothing that was answered a moment ago is believed.
    """

    authority: Authority
    services: Services
    caller: Caller
    call: Call
    fresh: bool = False

    async def need(self, permission: Permission, kind: Kind, name: str) -> None:
        """
        Raises:
            PermissionDenied
        """
        await self.authority.check(self.caller, Need(permission, kind, name), fresh=self.fresh)

    async def job(self, job_id: str) -> Job:
        """
        Raises:
            NotFound: there is none in the caller's workspace.
        """
        return self.in_workspace(await self.services.jobs.get(job_id))

    def in_workspace(self, job: Job) -> Job:
        """
        Raises:
            NotFound: it is in another workspace than the caller.
        """
        if job.workspace != self.caller.actor.workspace:
            raise NotFound("job", job.job_id)
        return job

    async def readable(self, kind: Kind) -> frozenset[str] | None:
        return await self.authority.readable(self.caller, kind, fresh=self.fresh)


Rule = Callable[[Request], Awaitable[Visible | None]]
"""Raises PermissionDenied, or gives what of a list may be seen (``None``: the method shows no list)."""


class AccessControl:
    """Asks before a method is called."""

    def __init__(self, authority: Authority, services: Services) -> None:
        self._authority = authority
        self._services = services

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        """
        Raises:
            NotAuthenticated, NotFound, InvalidInput
        """
        return await self._authority.identify(headers)

    async def admit(self, method: str, call: Call, *, fresh: bool = False) -> Call:
        """The call, with who makes it and what they may see.

        Raises:
            NotAuthenticated, PermissionDenied
            NotFound: there is no such job, or no such workspace.
            TrackingUnavailable: MLflow, whose rules are asked, is away.
        """

        async def again() -> Visible:
            return (await self.admit(method, call, fresh=True)).visible

        caller = await self._authority.identify(call.headers)
        rule = RULES.get(method)
        if rule is None:
            raise PermissionDenied(f"nobody may call {method}: its permission is not written down")
        visible = await rule(Request(self._authority, self._services, caller, call, fresh))
        return replace(
            call, caller=caller, visible=visible or Visible(caller.actor.workspace), admit_again=again
        )

    def record(self, method: str, call: Call, answer: object) -> None:
        """Who has done what is in the log; the job's events have it too, but for what is deleted."""
        if method not in ACTS:
            return
        made = answer.get("job", {}).get("job_id") if isinstance(answer, Mapping) else None
        job_id = made or getattr(call.message, "job_id", None) or "-"
        actor = call.caller.actor
        _log.info("%s by %s, job %s, workspace %s", method, actor.name or "nobody", job_id, actor.workspace)


# --- the rules


async def _anybody(request: Request) -> None:
    """Whoever has a name here."""


def _on_job(permission: Permission, prompts: bool = False) -> Rule:
    """On the job's experiment.

    Args:
        prompts: update on the job's prompts too.
    """

    async def rule(request: Request) -> None:
        job = await request.job(request.call.message.job_id)
        await request.need(permission, Kind.EXPERIMENT, job.experiment_id)
        if prompts:
            for name in dict.fromkeys(split_prompt_uri(uri)[0] for uri in job.source_prompt_uris):
                await request.need(Permission.UPDATE, Kind.PROMPT, name)

    return rule


async def _on_jobs(request: Request) -> None:
    """One among several that may not be read is as unknown as one that there is not."""
    found = await request.services.store.get_existing(request.call.message.job_ids)
    for job_id in request.call.message.job_ids:
        if job_id in found:
            job, _ = found[job_id]
            try:
                await request.need(Permission.READ, Kind.EXPERIMENT, request.in_workspace(job).experiment_id)
            except PermissionDenied:
                raise NotFound("job", job_id) from None


async def _new_job(request: Request) -> None:
    message = request.call.message
    experiment_id = message.experiment_id.strip()
    if like_job_id := getattr(message, "like_job_id", ""):
        like = await request.job(like_job_id)
        await request.need(Permission.READ, Kind.EXPERIMENT, like.experiment_id)
        experiment_id = experiment_id or like.experiment_id
        config = read_repeat_request(message).change(like.config)
    else:
        config = read_job_request(message).config
    if experiment_id:  # else the request is refused for that
        await request.authority.check_new_job(request.caller, _asked_of(experiment_id, config))


def _asked_of(experiment_id: str, config: JobConfig) -> NewJob:
    settings = config.optimizer_config
    teacher = config.teacher_prompt_uri or settings.get("teacher_prompt_uri")
    prompts = (*config.source_prompt_uris, teacher)
    models = [
        config.model,
        config.reflection_model,
        settings.get("reflection_model"),
        settings.get("teacher_model"),
    ]
    return NewJob(
        experiment_id,
        prompt_uris=tuple(uri for uri in prompts if isinstance(uri, str) and uri),
        scorers=tuple(map(_scorer_name, config.scorers)),
        models=tuple(model for model in models if isinstance(model, str)),
        dataset_id=config.dataset_id,
    )


def _scorer_name(text: str) -> str:
    try:
        return ScorerSpec.parse(text).name
    except InvalidInput:  # which the job is refused for
        return text


async def _list_of_jobs(request: Request) -> Visible:
    message = request.call.message
    named = {*message.experiment_ids, getattr(message, "experiment_id", "")} - {""}
    for experiment_id in named:
        await request.need(Permission.READ, Kind.EXPERIMENT, experiment_id)
    workspace = request.caller.actor.workspace
    return Visible(workspace, None if named else await request.readable(Kind.EXPERIMENT))


def _list_of(kind: Kind) -> Rule:
    async def rule(request: Request) -> Visible:
        return Visible(request.caller.actor.workspace, await request.readable(kind))

    return rule


async def _datasets(request: Request) -> Visible:
    if experiment_id := request.call.message.experiment_id:
        await request.need(Permission.READ, Kind.EXPERIMENT, experiment_id)
        return Visible(request.caller.actor.workspace)
    return await _list_of(Kind.DATASET)(request) or Visible(request.caller.actor.workspace)


def _on(permission: Permission, kind: Kind, field: str) -> Rule:
    """On what a field of the request names, if it names something."""

    async def rule(request: Request) -> None:
        if name := getattr(request.call.message, field):
            await request.need(permission, kind, name)

    return rule


async def _demo(request: Request) -> None:
    if await request.readable(Kind.EXPERIMENT) is not None:
        raise PermissionDenied(
            "the demo makes an experiment and a prompt that belong to nobody; with users, make a job"
        )
    await request.need(Permission.UPDATE, Kind.PROMPT, DEMO_PROMPT_NAME)  # a token may be one to read only


_READ_JOB, _UPDATE_JOB = _on_job(Permission.READ), _on_job(Permission.UPDATE)

RULES: Mapping[str, Rule] = {
    "createPromptOptimizationJob": _new_job,
    "searchPromptOptimizationJobs": _list_of_jobs,
    "watchPromptOptimizationJobs": _list_of_jobs,
    "estimatePromptOptimizationJob": _new_job,
    "getDemoJob": _demo,
    "startDemoJob": _demo,
    "listCatalogExperiments": _list_of(Kind.EXPERIMENT),
    "listCatalogPrompts": _list_of(Kind.PROMPT),
    "getCatalogPrompt": _on(Permission.READ, Kind.PROMPT, "name"),
    "listCatalogDatasets": _datasets,
    "getCatalogDataset": _on(Permission.READ, Kind.DATASET, "dataset_id"),
    "uploadDataset": _on(Permission.UPDATE, Kind.EXPERIMENT, "experiment_id"),
    "makeDatasetFromTraces": _on(Permission.UPDATE, Kind.EXPERIMENT, "experiment_id"),
    "listCatalogScorers": _on(Permission.READ, Kind.EXPERIMENT, "experiment_id"),
    "listCatalogOptimizers": _anybody,
    "listCatalogProviders": _anybody,
    "comparePromptOptimizationJobs": _on_jobs,
    "getPromptOptimizationJob": _READ_JOB,
    "deletePromptOptimizationJob": _on_job(Permission.DELETE),
    "cancelPromptOptimizationJob": _UPDATE_JOB,
    "resumePromptOptimizationJob": _UPDATE_JOB,
    "listPromptOptimizationJobEvents": _READ_JOB,
    "listPromptOptimizationCandidates": _READ_JOB,
    "getPromptOptimizationJobInputs": _READ_JOB,
    "listPromptOptimizationExamples": _READ_JOB,
    "getPromptOptimizationCandidate": _READ_JOB,
    "listPromptOptimizationEdits": _READ_JOB,
    "registerPromptOptimizationCandidate": _on_job(Permission.UPDATE, prompts=True),
    "listPromptOptimizationEvaluations": _READ_JOB,
    "promoteOptimizedPrompt": _on_job(Permission.UPDATE, prompts=True),
    "rollbackOptimizedPrompt": _on_job(Permission.UPDATE, prompts=True),
}
"""Method of the service → what it needs."""

ACTS = frozenset(
    {
        "createPromptOptimizationJob",
        "startDemoJob",
        "uploadDataset",
        "makeDatasetFromTraces",
        "deletePromptOptimizationJob",
        "cancelPromptOptimizationJob",
        "resumePromptOptimizationJob",
        "registerPromptOptimizationCandidate",
        "promoteOptimizedPrompt",
        "rollbackOptimizedPrompt",
    }
)
"""Those that change something, and are noted."""

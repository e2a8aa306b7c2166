"""The application: our routes, and MLflow's app behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

from burnish import __version__
from burnish.access.protocol import Authority
from burnish.access.tokens import read_tokens
from burnish.api import candidates, catalog, edits, events, inputs, jobs, openapi
from burnish.api.access_control import AccessControl
from burnish.api.auth import MAX_BODY_BYTES, MAX_FILE_BYTES, AllowedHosts, Guard
from burnish.api.authority import authority_of
from burnish.api.docs import page
from burnish.api.earlier_jobs import with_earlier_jobs
from burnish.api.errors import answer, error_answer
from burnish.api.health import Check, checks_of, health, ready
from burnish.api.metrics import Scrape, metrics
from burnish.api.mlflow_app import LazyApp
from burnish.api.page import PAGE_PATH, mlflow_address, page_routes, to_page_route
from burnish.api.routes import BASE_PATHS, Verb, file_paths, refuse_others, routes
from burnish.api.services import Services
from burnish.api.session import Sessions, session_route
from burnish.api.streams import Streams
from burnish.config import Settings
from burnish.errors import BurnishError

Endpoint = Callable[[Request], Awaitable[Response]]


async def _nothing_to_check() -> None:
    """This process does no work itself, and waits for no MLflow."""


def create_app(
    services: Services,
    settings: Settings,
    *,
    mlflow_app: ASGIApp | None = None,
    authority: Authority | None = None,
    worker: Check = _nothing_to_check,
    streams: Streams | None = None,
    scrape: Scrape | None = None,
    prefix: str = "",
) -> Starlette:
    """The whole server as one ASGI application. It starts and closes nothing but its own streams; who
    stops the server calls ``app.state.streams.close()`` first, so that it need not wait for them.

    Args:
        mlflow_app: answers every path that is not ours.
        authority: whose rules are kept; ``None``: whose they are by the settings.
        worker: says whether the jobs of this process are being worked on.
        streams: what the event streams are read from.
        scrape: makes the page of ``/metrics``; ``None``: there is none.
        prefix: begins every path of ours, as MLflow's ``--static-prefix`` does.

    Raises:
        InvalidInput: the token file cannot be used.
    """
    streams = streams or Streams.of(services.store)
    tokens = read_tokens(Path(settings.auth_token_file)) if settings.auth_token_file else ()
    sessions = Sessions(tokens)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        streams.close()

    mlflow = mlflow_app.check if isinstance(mlflow_app, LazyApp) else _nothing_to_check
    app = Starlette(lifespan=lifespan)
    app.state.streams = streams
    app.add_exception_handler(HTTPException, _no_such_endpoint)
    if authority is None:
        authority = authority_of(settings, mlflow_app, sessions, services.catalog)
    access = AccessControl(authority, services)
    ours = list(routes(services, _verbs(streams), access, prefix))
    app.router.routes.extend([*ours, *refuse_others(ours, prefix)])
    app.add_route(f"{prefix}/health", health)
    app.add_route(f"{prefix}/ready", ready(checks_of(services, mlflow, worker), _is_known(access)))
    if scrape is not None:
        app.add_route(f"{prefix}/metrics", _for_known(access, metrics(scrape)))
    app.add_route(f"{prefix}/openapi.json", _openapi(bool(tokens)))
    app.add_route(f"{prefix}/docs", _docs(bool(tokens)))
    sign_in = f"{prefix}{PAGE_PATH}/session"
    app.router.routes.append(session_route(sessions, sign_in))
    app.router.routes.extend(page_routes(_shown(settings, sessions, mlflow_app is not None), prefix))
    if mlflow_app is not None:
        app.mount("/", mlflow_app)
    else:
        app.router.routes.append(to_page_route(prefix))
    app.add_middleware(
        Guard,
        hosts=AllowedHosts((settings.host, *settings.allowed_hosts)),
        sessions=sessions,
        limits={
            **dict.fromkeys((*(prefix + base for base in BASE_PATHS), sign_in), MAX_BODY_BYTES),
            **dict.fromkeys(file_paths(prefix), MAX_FILE_BYTES),
        },
        open_paths=(
            f"{prefix}/health",
            f"{prefix}/ready",
            prefix + PAGE_PATH,
            f"{prefix}{PAGE_PATH}/*",
            *(() if mlflow_app else (f"{prefix}/",)),
        ),
    )
    return app


def _shown(settings: Settings, sessions: Sessions, mounted: bool) -> dict[str, object]:
    """What the page is given about this server."""
    return {
        "version": __version__,
        "signIn": sessions.required,
        "mlflow": mlflow_address(settings.tracking_uri, mounted),
    }


def _verbs(streams: Streams) -> Mapping[str, Verb]:
    """What answers each method of the service in ``service.proto``."""
    verbs: Mapping[str, Verb] = {
        "createPromptOptimizationJob": jobs.create,
        "searchPromptOptimizationJobs": jobs.search,
        "watchPromptOptimizationJobs": events.watch_jobs(streams.jobs),
        "estimatePromptOptimizationJob": jobs.estimate,
        "getDemoJob": jobs.get_demo,
        "startDemoJob": jobs.start_demo,
        "listCatalogExperiments": catalog.list_experiments,
        "listCatalogPrompts": catalog.list_prompts,
        "getCatalogPrompt": catalog.get_prompt,
        "listCatalogDatasets": catalog.list_datasets,
        "getCatalogDataset": catalog.get_dataset,
        "uploadDataset": catalog.upload_dataset,
        "makeDatasetFromTraces": catalog.make_dataset_from_traces,
        "listCatalogScorers": catalog.list_scorers,
        "listCatalogOptimizers": catalog.list_optimizers,
        "listCatalogProviders": catalog.list_providers,
        "comparePromptOptimizationJobs": jobs.compare,
        "getPromptOptimizationJob": jobs.get,
        "deletePromptOptimizationJob": jobs.delete,
        "cancelPromptOptimizationJob": jobs.cancel,
        "resumePromptOptimizationJob": jobs.resume,
        "listPromptOptimizationJobEvents": events.list_events(streams.events),
        "listPromptOptimizationCandidates": candidates.list_candidates,
        "getPromptOptimizationJobInputs": inputs.get_inputs,
        "listPromptOptimizationExamples": inputs.list_examples,
        "listPromptOptimizationEdits": edits.list_edits,
        "getPromptOptimizationCandidate": candidates.get_candidate,
        "registerPromptOptimizationCandidate": jobs.register,
        "listPromptOptimizationEvaluations": candidates.list_evaluations,
        "promoteOptimizedPrompt": jobs.promote,
        "rollbackOptimizedPrompt": jobs.roll_back,
    }
    return {method: with_earlier_jobs(method, verb) for method, verb in verbs.items()}


def _is_known(access: AccessControl) -> Callable[[Request], Awaitable[bool]]:
    async def known(request: Request) -> bool:
        try:
            await access.identify(request.headers)
        except BurnishError:
            return False
        return True

    return known


def _for_known(access: AccessControl, endpoint: Endpoint) -> Endpoint:
    """The endpoint, for who has a name here."""

    async def guarded(request: Request) -> Response:
        try:
            await access.identify(request.headers)
        except BurnishError as refusal:
            return error_answer(refusal)
        return await endpoint(request)

    return guarded


async def _no_such_endpoint(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no route, wrong method) in the form of all others."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return answer("ENDPOINT_NOT_FOUND", error.status_code, message, headers=dict(error.headers or {}))


def _openapi(with_tokens: bool) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(openapi.document(with_tokens))

    return endpoint


def _docs(with_tokens: bool) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return HTMLResponse(page(openapi.document(with_tokens)))

    return endpoint

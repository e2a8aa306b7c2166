"""Whether what is installed is what Burnish asks for, by its own package's metadata."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from burnish import __version__
from burnish.doctor import Finding, note, ok, problem

CHECK = "versions"
_FOR_DEVELOPERS = "dev"
_SHOWN = ("mlflow", "sqlalchemy", "gepa")


def check_versions() -> Iterator[Finding]:
    """Burnish and its dependencies, then each extra."""
    wrong: dict[str, list[str]] = defaultdict(list)
    extras = set(metadata.metadata("burnish").get_all("Provides-Extra") or ()) - {_FOR_DEVELOPERS}
    for line in metadata.requires("burnish") or ():
        requirement = Requirement(line)
        for extra in ("", *extras):
            if _belongs(requirement, extra) and (fault := _fault(requirement)):
                wrong[extra].append(fault)
    if wrong[""]:
        yield problem(CHECK, "; ".join(wrong[""]), "pip install --upgrade burnish")
    else:
        shown = ", ".join(f"{name} {metadata.version(name)}" for name in _SHOWN)
        yield ok(CHECK, f"burnish {__version__}, Python {platform.python_version()}, {shown}")
    for extra in sorted(extras):
        if wrong[extra]:
            yield note(CHECK, f"extra {extra}: {'; '.join(wrong[extra])}", f"pip install 'burnish[{extra}]'")
        else:
            yield ok(CHECK, f"extra {extra} is installed")


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    if marker is None:
        return extra == ""
    return marker.evaluate({"extra": extra}) and (extra == "" or not marker.evaluate({"extra": ""}))


def _fault(requirement: Requirement) -> str | None:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} is {found}, needed is {requirement.specifier}"

"""The environment of the peers: made from ``peers.txt`` where it is not there, with the versions it pins.

Burnish's results do not depend on it: where a peer cannot be had or does not work, the result says so.
"""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import traceback
import venv
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from bench.results import ROOT

REQUIREMENTS = Path(__file__).with_name("peers.txt")
FOLDER = ROOT / ".bench" / "peers"
MINUTES = 6.0
"""That one peer may take in one benchmark."""

T = TypeVar("T")


@functools.cache
def python() -> str:
    """Its interpreter.

    Raises:
        subprocess.CalledProcessError: the packages cannot be had.
    """
    made = FOLDER / "bin" / "python"
    stamp = FOLDER / REQUIREMENTS.name
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print("installing the peers (a minute or two, once)", file=sys.stderr, flush=True)
        uv = Path(sys.executable).with_name("uv")  # make setup puts it there; it needs a tenth of pip's time
        venv.create(FOLDER, with_pip=not uv.exists(), clear=True)
        install: list[str | Path] = (
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", made]
            if uv.exists()
            else [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        )
        subprocess.run([*install, "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(made)


def missing() -> str:
    """Why the peers cannot be measured, or nothing."""
    try:
        python()
    except (subprocess.CalledProcessError, OSError) as error:
        return f"Without peers: {', '.join(versions())} could not be installed ({error})."
    return ""


async def attempt(name: str, measuring: Awaitable[T], notes: list[str]) -> T | None:
    """What a peer's measurement gives; ``None`` and a note where the peer does not get through it in time."""
    try:
        async with asyncio.timeout(60 * MINUTES):
            return await measuring
    except TimeoutError:
        notes.append(f"{name} could not be measured: it was not done after {MINUTES:g} min")
    except Exception as error:  # noqa: BLE001 - whatever stopped a peer is no reason to lose our own figures
        traceback.print_exc()
        notes.append(f"{name} could not be measured: {str(error).splitlines()[0] if str(error) else error!r}")
    return None


def versions() -> dict[str, str]:
    """Package → version, as pinned."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pinned = (line.partition("==") for line in lines if "==" in line)
    return {name: version for name, _, version in pinned}

"""The environment of the peers: made from ``peers.txt`` where it is not there, with the versions it pins."""

from __future__ import annotations

import functools
import subprocess
import sys
import venv
from pathlib import Path

from bench.results import ROOT

REQUIREMENTS = Path(__file__).with_name("peers.txt")
FOLDER = ROOT / ".bench" / "peers"


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
        venv.create(FOLDER, with_pip=True, clear=True)
        subprocess.run(
            [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
            check=True,
        )
        stamp.write_text(wanted, encoding="utf-8")
    return str(made)


def versions() -> dict[str, str]:
    """Package → version, as pinned."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pinned = (line.partition("==") for line in lines if "==" in line)
    return {name: version for name, _, version in pinned}

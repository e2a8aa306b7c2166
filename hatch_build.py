"""Hatch's build hook: a wheel carries the page, built from ``ui/``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface[Any]):
    """Builds the page before a wheel is packed. An editable install takes whatever has been built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get("BURNISH_WITHOUT_PAGE"):
            return
        script = Path(self.root) / "ui" / "build.py"
        if subprocess.run([sys.executable, str(script)]).returncode:
            message = "the page could not be built (see above); BURNISH_WITHOUT_PAGE=1 leaves it out"
            raise RuntimeError(message)

"""Real processes, which can be killed, frozen and begun again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

CLOCK = Path(__file__).parent / "clock"
_JUDGE = Path(__file__).parent / "model.py"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Child:
    """One process and its log. It can be started again after its death.

    Args:
        command: program and arguments.
        ready: text in its log that says that it is up.
        under_supervisor: start it by a second process, which holds the reading end of its output.
        has_children: it has processes of its own, which die with it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        ready: str = "",
        under_supervisor: bool = False,
        has_children: bool = False,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._folder = folder
        self._environment = _clean_environment() | dict(environment or {})
        self._ready = ready
        self._under_supervisor = under_supervisor
        self._has_children = has_children
        self._process: subprocess.Popen[bytes] | None = None
        self._read_from = 0
        self.pids: list[int] = []

    @property
    def pid(self) -> int:
        """Of the process itself, not of its supervisor."""
        return self.pids[-1]

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    async def start(self, wait: bool = True) -> None:
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        command = self._command
        if self._under_supervisor:
            command = [sys.executable, str(Path(__file__).parent / "supervisor.py"), *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                command,
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=self._has_children,
            )
        if self._under_supervisor:
            await self.until_says("supervised pid ")
            self.pids.append(int(self.said().split("supervised pid ")[1].split()[0]))
        else:
            self.pids.append(self._process.pid)
        if wait:
            await self.until_says(self._ready)

    async def until_says(self, text: str, timeout_seconds: float = 90.0) -> None:
        async with asyncio.timeout(timeout_seconds):
            while text not in self.said():
                if not self.alive:
                    raise RuntimeError(f"{self.name} ended with {self.returncode}: {self.said()[-2000:]}")
                await asyncio.sleep(0.05)

    def said(self) -> str:
        """Its log since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._read_from)
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """``kill -9``."""
        with contextlib.suppress(ProcessLookupError):
            if self._has_children:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)
        if self._process is not None and not self._under_supervisor:
            self._process.wait(10)

    def kill_supervisor(self) -> None:
        assert self._under_supervisor and self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def limit_file_size(self, size: int | None) -> None:
        """No file of it can grow beyond ``size`` bytes: to it, the disk is full."""
        soft = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    async def stop(self, timeout_seconds: float = 40.0) -> int:
        """SIGTERM, and wait. Returns its exit code.

        Raises:
            TimeoutError: it did not end in time (it is killed then).
        """
        assert self._process is not None
        if not self.alive:
            return int(self._process.returncode)
        os.kill(self.pid, signal.SIGTERM)
        try:
            return await asyncio.to_thread(self._process.wait, timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not stop within {timeout_seconds:g} s") from None


class ModelServer(Child):
    """The scripted model, which keeps a record of all that it was asked."""

    def __init__(self, folder: Path, latency_ms: float, with_judge: bool = False) -> None:
        self.port = free_port()
        self.record = folder / "asked.jsonl"
        program = [str(_JUDGE)] if with_judge else ["-m", "burnish.llm.testing.scripted_server"]
        command = [sys.executable, *program, "--port", str(self.port)]
        command += [
            "--latency-ms",
            str(latency_ms),
            "--jitter-ms",
            str(latency_ms),
            "--log",
            str(self.record),
        ]
        super().__init__("model", command, folder, ready="http://")
        self.url = f"http://127.0.0.1:{self.port}"

    async def set_faults(self, **faults: Any) -> None:
        """See ``burnish.llm.testing.faults.Faults``; the rest stays as it is."""
        async with (
            aiohttp.ClientSession() as session,
            session.put(f"{self.url}/_faults", json=faults) as answer,
        ):
            assert answer.status == 200

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, with ``end`` (``None`` while it is under way) and ``ended_at``."""
        found: dict[int, dict[str, Any]] = {}
        for line in self.record.read_text().splitlines() if self.record.exists() else ():
            note = json.loads(line)
            if "end" in note:
                found[note["number"]] |= {"end": note["end"], "ended_at": note["at"]}
            else:
                found[note["number"]] = note | {"end": None}
        return [found[number] for number in sorted(found)]


def _clean_environment() -> dict[str, str]:
    ours = ("BURNISH_", "MLFLOW_", "OPENAI_", "ANTHROPIC_", "OTEL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return environment | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PYTHONUNBUFFERED": "1"}

"""The process that renders Jinja templates; run as a program, never imported by the rest.

It knows nothing but what it is sent, has no secrets in its environment, and reads requests from its standard
input until that ends: four bytes of length, then JSON. Each request has a few seconds of CPU, after which the
kernel ends the process; all of them together have a limit of memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import resource
import signal
import struct
import sys
from collections import OrderedDict
from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
MOST_CHARACTERS = 2_000_000
_KEPT_TEMPLATES = 64


class _TooLong(Exception):
    pass


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end ends this, too
    cpu_seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS does not take it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    renderer = _Renderer()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(header := source.read(4)) == 4:
        body = source.read(struct.unpack(">I", header)[0])
        _allow(cpu_seconds)
        answer = _answer(renderer, body)
        encoded = json.dumps(answer).encode()
        sink.write(struct.pack(">I", len(encoded)) + encoded)
        sink.flush()
        if answer.get("kind") == "memory":  # what was allocated may be gone or not; begin anew
            return


def _allow(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + seconds, hard))


def _answer(renderer: _Renderer, body: bytes) -> dict[str, Any]:
    import jinja2
    from jinja2.exceptions import SecurityError

    random.seed(hashlib.sha256(body).digest())  # |random and lipsum() say the same in every process
    try:
        request = json.loads(body)
        if "values" in request:
            return {"texts": renderer.render(request["texts"], request["values"])}
        return renderer.names(request["texts"])
    except MemoryError:
        return {"kind": "memory", "message": f"took more than {MEMORY_BYTES // 2**20} MB of memory"}
    except _TooLong:
        return {"kind": "long", "message": f"renders to more than {MOST_CHARACTERS:,} characters"}
    except RecursionError:
        return {"kind": "error", "message": "is nested too deeply"}
    except jinja2.TemplateSyntaxError as error:
        return {"kind": "syntax", "message": f"line {error.lineno} is not Jinja: {error.message}"}
    except SecurityError as error:
        return {"kind": "security", "message": f"does what the sandbox forbids: {error}"}
    except Exception as error:  # noqa: BLE001 - the template's own code may raise anything
        return {"kind": "error", "message": f"cannot be rendered: {type(error).__name__}: {error}"[:500]}


class _Renderer:
    def __init__(self) -> None:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._environment = ImmutableSandboxedEnvironment()  # MLflow's but for the first word
        self._templates: OrderedDict[str, Any] = OrderedDict()

    def render(self, texts: list[str], values: dict[str, Any]) -> list[str]:
        left = MOST_CHARACTERS
        rendered = []
        for text in texts:
            parts = []
            for part in self._template(text).generate(values):
                left -= len(part)
                if left < 0:
                    raise _TooLong
                parts.append(part)
            rendered.append("".join(parts))
        return rendered

    def _template(self, text: str) -> Any:
        template = self._templates.pop(text, None) or self._environment.from_string(text)
        self._templates[text] = template
        if len(self._templates) > _KEPT_TEMPLATES:
            self._templates.popitem(last=False)
        return template

    def names(self, texts: list[str]) -> dict[str, Any]:
        import jinja2
        from jinja2 import meta, nodes

        used: set[str] = set()
        optional: set[str] = set()
        for text in texts:
            tree = self._environment.parse(text)
            for other in (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends):
                if found := tree.find(other):
                    raise jinja2.TemplateSyntaxError(
                        "it names another template, of which there is none", found.lineno
                    )
            used |= meta.find_undeclared_variables(tree)
            tested = [
                *(node.test for node in tree.find_all(nodes.If)),
                *(node.test for node in tree.find_all(nodes.CondExpr)),
                *(node.node for node in tree.find_all(nodes.Test) if node.name in ("defined", "undefined")),
                *(node.node for node in tree.find_all(nodes.Filter) if node.name in ("default", "d")),
            ]
            for node in filter(None, tested):
                names = [node] if isinstance(node, nodes.Name) else node.find_all(nodes.Name)
                optional |= {name.name for name in names}
        return {"used": sorted(used), "optional": sorted(optional & used)}


if __name__ == "__main__":
    main()

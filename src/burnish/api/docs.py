"""The reference at ``/docs``: the OpenAPI document as one page that loads nothing from anywhere.

The usual viewers fetch their scripts from the network, which a server that promises to make no
connection of its own should not ask of its readers' browsers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h2{margin:2.2rem 0 .3rem;font-size:1.05rem;border-top:1px solid #ddd;padding-top:1rem}
h3{margin:1.6rem 0 .2rem;font-size:1rem} code,pre{font:13px/1.45 ui-monospace,monospace}
b.verb{display:inline-block;min-width:4.5rem} table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #eee}
td:last-child{white-space:pre-line} a{color:#0b57d0}
@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}a{color:#8ab4f8}
h2,td,th{border-color:#333}}
"""


def page(document: Mapping[str, Any]) -> str:
    """The HTML of an OpenAPI document as :func:`burnish.api.openapi.document` makes it."""
    info = document["info"]
    return "".join(
        (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])} API</title>",
            f'<meta name=viewport content="width=device-width"><style>{_STYLE}</style>',
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f"<p>{escape(info['description'])} As a document: <a href=openapi.json>openapi.json</a>.</p>",
            *_operations(document["paths"]),
            "<h1>Messages</h1>",
            *_messages(document["components"]["schemas"]),
            "</html>",
        )
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        for verb, operation in operations.items():
            yield f"<h2>{escape(operation['summary'])}</h2>"
            yield f"<code><b class=verb>{verb.upper()}</b>{escape(path)}</code>"
            yield f"<p>{escape(operation['description'])}</p>"
            rows = [
                (entry["name"], f"{_type(entry['schema'])}, in {entry['in']}", entry.get("description", ""))
                for entry in operation.get("parameters", ())
            ]
            body = operation.get("requestBody", {}).get("content", {})
            if "application/json" in body:
                rows += _rows(body["application/json"]["schema"])
            elif body:
                rows.append(("body", "the file", ""))
            yield _table(rows)
            yield f"<p>Answers {_answer(operation['responses']['200']['content'])}.</p>"


def _answer(content: Mapping[str, Any]) -> str:
    if plain := content.get("application/json"):
        return _type(plain["schema"])
    return f"a stream of {_type(content['text/event-stream']['schema']['contentSchema'])}"


def _messages(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>'
        text = escape(schema.get("description", "")).replace("\n", "<br>")
        if "enum" in schema:
            text += "<br>" + ", ".join(f"<code>{escape(value)}</code>" for value in schema["enum"])
        yield f"<p>{text}</p>"
        yield _table(_rows(schema))


def _rows(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    properties = schema.get("properties", {})
    return [(name, _type(part), part.get("description", "")) for name, part in properties.items()]


def _table(rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    lines = (f"<tr><td><code>{escape(name)}</code><td>{kind}<td>{escape(text)}" for name, kind, text in rows)
    return f"<table>{''.join(lines)}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """In words, with links to messages. HTML."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    values = schema.get("additionalProperties")
    if schema["type"] == "object" and isinstance(values, Mapping):
        return f"text → {_type(values)}"
    return escape(json.dumps(schema["type"]).strip('"'))

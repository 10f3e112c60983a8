"""The documentation page of an HTTP door: its OpenAPI document as plain HTML.

One page without scripts, fonts or pictures: it works without the internet, under the strictest policy, in a
text browser and on paper, and nobody else learns who reads it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from protocol.codes import Audience, Code
from protocol.encoding.base64 import encode_base64

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0b5fff; }
@media (prefers-color-scheme: dark) { :root { --link: #7fb0ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem; }
h1 small { font-size: 1rem; font-weight: normal; opacity: .7; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
a { color: var(--link); }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .4rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .6rem 0; padding: .5rem .75rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
         border-bottom: 1px solid var(--line); }
:target { outline: 2px solid var(--link); }
"""
_STYLE_HASH = encode_base64(hashlib.sha256(_STYLE.encode()).digest())
_CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

OpenApi = Mapping[str, Any]


def render_api_page(document: OpenApi) -> tuple[str, str]:
    """The page for an OpenAPI 3.1 document, and the Content-Security-Policy it needs."""
    return "".join(_page(document)), _CONTENT_SECURITY_POLICY


def _page(document: OpenApi) -> Iterator[str]:
    info = document["info"]
    title, version = escape(info["title"]), escape(info["version"])
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    yield f"<h1>{title} <small>{version}</small></h1>"
    yield _paragraphs(info.get("description", ""))
    yield '<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    for tag, operations in _by_tag(document).items():
        yield f"<h2>{escape(tag[:1].upper() + tag[1:])}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield "<h2>Error codes</h2><p>Every error is a problem document (RFC 9457) with one of these codes.</p>"
    yield from _table(
        ("Code", "What it means", "What to do"),
        [
            (
                f'<code id="{code.value}">{code.value}</code>',
                escape(code.meaning),
                escape(code.remedy_for(Audience.DEVELOPER)),
            )
            for code in Code
        ],
    )
    yield "</body></html>"


def _by_tag(document: OpenApi) -> dict[str, list[tuple[str, str, OpenApi]]]:
    by_tag: dict[str, list[tuple[str, str, OpenApi]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = operation.get("tags", ["operations"])[0]
            by_tag.setdefault(tag, []).append((method.upper(), path, operation))
    return by_tag


def _operation(method: str, path: str, operation: OpenApi) -> Iterator[str]:
    keys = [name for scheme in operation.get("security", []) for name in scheme]
    key = f" · needs {escape(', '.join(keys))}" if keys else ""
    summary = escape(operation.get("summary", ""))
    yield f"<details><summary><b>{method}</b> <code>{escape(path)}</code> {summary}{key}</summary>"
    yield _paragraphs(operation.get("description", ""))
    parameters = operation.get("parameters", [])
    if parameters:
        yield from _table(
            ("Parameter", "In", "", "Meaning"),
            [
                (
                    f"<code>{escape(parameter['name'])}</code>",
                    escape(parameter["in"]),
                    "required" if parameter.get("required") else "optional",
                    escape(parameter.get("description", "")),
                )
                for parameter in parameters
            ],
        )
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, <code>{escape(media_type)}</code>:</p>{_json(content.get('schema', {}))}"
    yield from _table(
        ("Answer", "Content", "Meaning"),
        [
            (
                escape(status),
                f"<code>{escape(', '.join(response.get('content', {})))}</code>",
                escape(response.get("description", "")),
            )
            for status, response in sorted(operation["responses"].items())
        ],
    )
    yield "</details>"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"

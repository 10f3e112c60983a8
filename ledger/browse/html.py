"""HTML put together so that text stays text: what is not `Markup` is cleaned and escaped.

No scripts, fonts or pictures, and nothing from elsewhere: a page works under the strictest policy, in a text
browser and on paper, and nobody else learns who reads it.
"""

import hashlib
from html import escape

from doors.terminal import safe_text
from protocol.encoding.base64 import encode_base64

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0b5fff; --bad: #b00020; }
@media (prefers-color-scheme: dark) { :root { --link: #7fb0ff; --bad: #ff8a8a; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
a { color: var(--link); }
nav a { margin-right: 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; border-radius: .4rem; white-space: pre-wrap;
      overflow: hidden; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; opacity: .8; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
         border-bottom: 1px solid var(--line); }
.number { width: 1%; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.long { min-width: 7rem; overflow-wrap: anywhere; }
.time { white-space: nowrap; }
@media (max-width: 40rem) { .time { white-space: normal; min-width: 5.5rem; }
                            th, td { padding-right: .5rem; } }
.tree ul { border-left: 1px solid var(--line); }
.tree ul, .tree { list-style: none; padding-left: 1rem; }
.tree > li { margin-left: -1rem; }
.tree p { margin: .3rem 0; overflow-wrap: anywhere; }
.soft { opacity: .8; font-size: .9rem; }
.bad { color: var(--bad); font-weight: bold; }
form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; }
label { flex: 1; display: flex; gap: .5rem; align-items: baseline; min-width: 12rem; }
input { flex: 1; min-width: 0; }
input, button { font: inherit; padding: .3rem .5rem; }
dt { font-weight: bold; }
dd { margin: 0 0 .6rem; overflow-wrap: anywhere; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); opacity: .8; font-size: .9rem; }
"""
_STYLE_HASH = encode_base64(hashlib.sha256(_STYLE.encode()).digest())
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What every page needs: its own style, and the form with which to search."""


class Markup(str):
    """HTML to be put into a page as it is. Put together with other text, it is text again."""

    __slots__ = ()


Child = str | Markup


def element(name: str, *children: Child, **attributes: str) -> Markup:
    """An element; `class_` is the attribute `class`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_clean(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """These, one after the other."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(_clean(child)) for child in children)
    )


def link(address: str, *children: Child) -> Markup:
    """A link to `address` on this server."""
    return element("a", *children, href=address)


def code(text: str) -> Markup:
    """Text for machines."""
    return element("code", text)


def lines(text: str) -> Markup:
    """Lines of text as they are; each is cleaned for itself."""
    return Markup("<pre>" + "\n".join(escape(_clean(line)) for line in text.split("\n")) + "</pre>")


def table(titles: tuple[str, ...], rows: list[tuple[Markup, ...]]) -> Markup:
    """A table that is scrolled by itself where it is too wide; `rows` are made of `cell`s."""
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    return element("div", element("table", head, *(element("tr", *row) for row in rows)), class_="table")


def cell(*children: Child, kind: str = "") -> Markup:
    """A cell of a table; `kind` is one of the classes of the style."""
    return element("td", *children, **({"class_": kind} if kind else {}))


def pairs(*rows: tuple[str, Child]) -> Markup:
    """Names, and what is to be said of each."""
    written = [join(element("dt", name), element("dd", value)) for name, value in rows]
    return element("dl", *written)


def page(title: str, *body: Child, origin: str) -> str:
    """A whole page of the ledger `origin`."""
    name = title if title == origin else f"{title} · {origin}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'{element("title", name)}<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style></head><body>{_header()}{element('main', element('h1', title), *body)}"
        f"{_footer(origin)}</body></html>\n"
    )


def search_form(asked: str = "") -> Markup:
    """A place to ask for something."""
    field = Markup(
        '<input name="q" type="search" maxlength="1024" aria-label="Search" '
        'placeholder="DID, name, type, index or leaf hash" '
        f'value="{escape(_clean(asked))}">'
    )
    return element(
        "form", field, element("button", "Search", type="submit"), action="/browse/search", role="search"
    )


def filter_form(address: str, **fields: tuple[str, str]) -> Markup:
    """A place to say which of many things are wanted; `fields` are labels and values, by name."""
    inputs = [
        element(
            "label",
            f"{label} ",
            Markup(f'<input name="{name}" type="search" maxlength="1024" value="{escape(_clean(value))}">'),
        )
        for name, (label, value) in fields.items()
    ]
    return element("form", *inputs, element("button", "Show", type="submit"), action=address)


def _header() -> Markup:
    places = element(
        "nav",
        link("/browse", "Overview"),
        " ",
        link("/browse/entries", "Entries"),
        " ",
        link("/browse/accreditations", "Accreditations"),
    )
    return element("header", places, search_form())


def _footer(origin: str) -> Markup:
    return element(
        "footer",
        element(
            "p",
            f"These pages are the word of {origin}. What is proven, whoever asks can verify: ",
            code("tally ledger browse"),
            " shows the same from outside, and believes nothing it has not checked. For programs: ",
            link("/docs", "the interface"),
            ", ",
            link("/checkpoint", "the checkpoint"),
            ", ",
            link("/policy", "the policy"),
            ".",
        ),
    )


def _clean(text: str) -> str:
    return safe_text(text, max_characters=len(text))

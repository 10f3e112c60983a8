"""The page on which the browser ends that began a request: plain HTML that works everywhere.

It shows nothing of what was presented: whoever sits at the browser need not be who presented it.
"""

from html import escape

from protocol.codes import Audience, Code

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body><h1>{title}</h1><p>{text}</p><p>{hint}</p></body></html>
"""


def render_done_page(name: str, error: Code | None) -> str:
    """The page of the verifier called `name`: that it has the answer, or why it does not."""
    if error is not None:
        hint = escape(error.remedy_for(Audience.HOLDER))
        return _PAGE.format(title="Not accepted", text=escape(error.meaning), hint=hint)
    return _PAGE.format(
        title="Thank you",
        text=f"{escape(name)} has received your answer.",
        hint="You can close this page and go back to where you came from.",
    )

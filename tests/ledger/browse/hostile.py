"""What strangers write into the entries of a log to act on whoever looks at it."""

from datetime import timedelta

from protocol.did.webvh.author import NewEntry, update_did
from protocol.encoding.strict_json import JsonObject
from protocol.records import DidRecord
from tests.ledger.world import KEY, PORT, create, document, record

ATTACKS = (
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</pre></main><form action=https://evil.example>",
    "javascript:alert(1)",
    "\x1b[2J\x1b]0;title\x07",
    "bank\u202eelpmaxe.live\u2066x\u2069\u200b\u00ad",
    "\x7f\x85\x9b31m",
    "a" + "\u0301" * 40,
    "[/] [b]bold[/b] [@click=app.quit]x[/] [red]y",
    "&lt;b&gt; &amp; &#x202e;",
)


def hostile_did(*, port: int = PORT) -> tuple[NewEntry, list[DidRecord]]:
    """A DID with attacks in every place of its second document that is its owner's, and its two records."""
    first = create("stranger", port=port)
    did = first.version.did
    services: list[JsonObject] = [
        {"id": f"#{number}", "type": attack, "serviceEndpoint": attack, attack: [attack]}
        for number, attack in enumerate(ATTACKS)
    ]
    second = update_did(
        first.version,
        key=KEY,
        time=first.version.time + timedelta(hours=1),
        document=document(did) | {"service": [*services]},
    )
    return second, [record(first), record(second)]

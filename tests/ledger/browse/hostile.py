"""What strangers write into the entries of a log to act on whoever looks at it."""

from contextlib import suppress
from datetime import timedelta

from protocol.did.webvh.author import NewEntry, update_did
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError
from protocol.records import DidRecord, Record
from protocol.records.accreditation import create_withdrawal, type_subject
from protocol.records.type_metadata import create_type_metadata_record
from protocol.type_metadata import metadata_integrity
from tests.ledger.world import KEY, NOW, PORT, create, document, record
from tests.signed_records import accreditation, signer

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


def hostile_types() -> list[str]:
    """The attacks that can stand in the name of a type."""
    types = []
    for attack in ATTACKS:
        with suppress(MalformedError):
            type_subject(attack)
            types.append(attack)
    return types


def hostile_accreditations(did: str, *, port: int = PORT) -> list[Record]:
    """A mill that accredits `did` for types with attacks in their names, describes these and withdraws one.

    Beside the entry that creates it, in the order in which they are logged.
    """
    mill = create("mill", port=port)
    by, types = mill.version.did, hostile_types()
    given = [accreditation(by, did, types=(vct,)) for vct in types]
    reason = "closed <b>\u2019 [red]x[/]"
    described = [
        create_type_metadata_record(
            vct, integrity=metadata_integrity(vct.encode()), signer=signer(by), time=NOW
        )
        for vct in types
    ]
    withdrawal = create_withdrawal(given[0], signer=signer(by), reason=reason, time=NOW)
    return [record(mill), *given, *described, withdrawal]

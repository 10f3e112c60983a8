"""What strangers write to act on a terminal, to turn text around, to hide, or to look like us; and a wallet
with it in every place that is theirs to fill.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from protocol.codes import Code
from tests.wallet.holder import Holder
from tests.wallet.holdings import PENDING
from tests.wallet.parties import NOW
from wallet.content import ActivityEntry, ActivityKind
from wallet.known_party import KnownParty, PartyMark

FORGED = "✓ Trusted by Tallystick"
ATTACKS = {
    "escape codes": "a\x1b[2J\x1b]0;title\x07\x1bPq\x1b\\b\x1b[31mred\x1b[0m",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "C0": "".join(map(chr, range(32))) + "\x7f",
    "C1": "".join(map(chr, range(0x80, 0xA0))),
    "bidi": "bank\u202eelpmaxe.live\u202c \u2066\u2067x\u2069 \u200e\u200f\u061c",
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff\u00ad\u180e",
    "blank": "\u3164\u115f\u2800\u034f\ufe0f\U000e0100\U000e0041",
    "accents": "Z" + "\u0338\u0301\u20dd" * 60 + " \u0338",
    "right to left": "محمد שלום 123",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭🇩🇪 👍🏽 ⚠️ 1️⃣",
    "wide": "李小龙｡ﾊﾝｶｸ" * 3,
    "markup": "[/] [b]bold[/b] [@click=app.pwned]x[/] [link=https://evil.example]y[/link] [$error]z [on red",
    "interpolation": "%s {0} ${x} $text-error \\[ \\",
    "new line": f"\n{FORGED}\r\n{FORGED}\x0b{FORGED}\x85{FORGED}\u2028{FORGED}",
    "blanks": " " * 60 + FORGED + "\u00a0" * 60 + FORGED,
    "our words": f"{FORGED}” {FORGED}",
    "much": "W" * 10_000,
    "many words": "word " * 2_000,
}


def hostile_path(text: str) -> str:
    """A file name as a download may have it."""
    return text.replace("/", "∕").replace("\0", "")[:60]


def _identifier(attack: str) -> str:
    # An identifier with white space in it is refused when it is read.
    return "_".join(attack.split())


def fill(holder: Holder, attack: Iterator[str]) -> str:
    """Let strangers fill the wallet, with an attack wherever something of theirs is kept. Gives the type of
    the credential that will be asked for.
    """
    vct = f"{FORGED}:{next(attack)}"
    claims: dict[str, Any] = {next(attack)[:1000]: next(attack) for _ in range(4)}
    names = [next(attack)[:1000] for _ in range(4)]
    claims |= {"long": next(attack), "nested": {names[0]: [names[1], {names[2]: names[3]}]}}
    holder.hold("hostile-0001", vct=vct, claims=claims)
    holder.hold("hostile-0002", vct=next(attack), claims={next(attack)[:1000]: next(attack)}, standing=None)
    with holder.vault() as vault:
        parties = tuple(
            KnownParty(
                client_id=client_id,
                name=next(attack),
                first_seen=NOW,
                last_seen=NOW,
                presentations=1,
                hosts=hosts,
                mark=mark,
            )
            for client_id, hosts, mark in (
                (f"decentralized_identifier:{_identifier(next(attack))}", (), PartyMark.SEEN),
                (
                    f"redirect_uri:https://evil.example/{_identifier(next(attack))}",
                    ("evil.example",),
                    PartyMark.BLOCKED,
                ),
                (_identifier(next(attack)), (), PartyMark.SEEN),
            )
        )
        entries = tuple(
            ActivityEntry(
                time=NOW,
                kind=kind,
                party=_identifier(next(attack)),
                credential_type=f"{FORGED}:{next(attack)}",
                claim_names=((next(attack), 0, next(attack)),),
                purpose=next(attack),
                retention=timedelta(days=1),
                outcome=outcome,
            )
            for kind in ActivityKind
            for outcome in (None, Code.PRESENTATION_UNCONFIRMED)
        )
        coming = (replace(PENDING.credentials[0], name=next(attack), vct=next(attack)),)
        pending = (replace(PENDING, credentials=coming),)
        filled = replace(vault.content, parties=parties, activity=entries, pending=pending)
        vault.change(lambda _content: filled)
    outside = holder.outside
    outside.issuer_name, outside.type_title = next(attack)[:200], next(attack)[:200]
    outside.claims = {next(attack)[:1000]: next(attack) for _ in range(4)}
    outside.offered = (f"{FORGED}:{next(attack)[:200]}",)
    outside.transaction_code = "123456"
    return vct

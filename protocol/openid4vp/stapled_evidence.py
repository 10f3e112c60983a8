"""Evidence that a wallet staples to its answer, for a verifier that cannot reach the ledger or the issuer.

tallystick_evidence={"proofs":["<base64url of a .tally-proof>"],"status_lists":["eyJ…"]}

The form is docs/formats/stapled-evidence.md. Nothing in it is believed for being there.
"""

from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.members import texts_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.restate import restate_malformed

PARAMETER = "tallystick_evidence"
MAX_STAPLED = 16


@dataclass(frozen=True, slots=True)
class StapledEvidence:
    """Tally proofs and status list tokens as received: nothing in them was verified yet."""

    proofs: tuple[bytes, ...]
    status_lists: tuple[str, ...]


def encode_stapled_evidence(evidence: StapledEvidence) -> str:
    """The value of the parameter."""
    source: JsonObject = {
        "proofs": [encode_base64url(proof) for proof in evidence.proofs],
        "status_lists": [*evidence.status_lists],
    }
    return encode_json(source).decode()


def parse_stapled_evidence(text: str) -> StapledEvidence:
    """Read the value of the parameter. Not checked: what the proofs and tokens in it are.

    Raises:
        MalformedError: RESPONSE_INVALID, another form, or more than 16 of a kind.
    """
    with restate_malformed(Code.RESPONSE_INVALID):
        source = parse_json_object(text, max_bytes=512 * 1024)
        proofs, tokens = (texts_member(source, name, minimum=0) for name in ("proofs", "status_lists"))
        if max(len(proofs), len(tokens)) > MAX_STAPLED:
            raise MalformedError(Code.RESPONSE_INVALID, f"more than {MAX_STAPLED} of a kind")
        return StapledEvidence(tuple(map(decode_base64url, proofs)), tuple(tokens))

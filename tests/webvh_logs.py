"""did:webvh logs for tests: honest ones from the author, and entries signed without any of its checks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from protocol.did.data_integrity import document_digest
from protocol.did.document import create_did_document
from protocol.did.key import encode_did_key_method
from protocol.did.webvh.author import NewEntry, create_did
from protocol.did.webvh.entry import LogEntry, create_entry, encode_entry, parse_entry
from protocol.did.webvh.history import VerifiedHistory, verify_history
from protocol.did.webvh.identifier import SCID_PLACEHOLDER
from protocol.did.webvh.parameters import METHOD
from protocol.did.webvh.version import VerifiedVersion
from protocol.did.webvh.witness import NO_WITNESS_PROOFS, WitnessProofs
from protocol.encoding.base58btc import encode_multibase
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.keys import Ed25519PrivateKey
from protocol.keys.multikey import encode_multikey

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, NEXT_KEY, THIRD_KEY, STRANGER, WITNESS, OTHER_WITNESS = (
    Ed25519PrivateKey(bytes([number]) * 32) for number in range(1, 7)
)


def multikey(key: Ed25519PrivateKey) -> str:
    return encode_multikey(key.public_key)


def document(did: str) -> JsonObject:
    return create_did_document(did, {"key-1": KEY.public_key}, assertion=["key-1"], authentication=["key-1"])


def first(*next_keys: Ed25519PrivateKey, parameters: JsonObject | None = None) -> NewEntry:
    """An honest first entry of a DID at issuer.example."""
    return create_did(
        "issuer.example",
        document=document,
        key=KEY,
        next_keys=[key.public_key for key in next_keys],
        time=START,
        parameters=parameters,
    )


def verify(
    *lines: str | bytes, did: str | None = None, witness_proofs: WitnessProofs | None = NO_WITNESS_PROOFS
) -> VerifiedHistory:
    """Verify `lines` as the history of `did`, or of the DID they name first."""
    if did is None:
        did = str(parse_entry(lines[0]).state["id"])
    return verify_history(lines, did=did, now=NOW, witness_proofs=witness_proofs)


def sign(entry: LogEntry, *keys: Ed25519PrivateKey, **members: str | None) -> str:
    """The line of `entry` with a proof by each key. `members` replace those of the proofs before they are
    signed; a member of None is taken away."""
    proofs: list[JsonObject] = []
    for key in keys:
        honest: JsonObject = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": entry.time_text,
            "verificationMethod": encode_did_key_method(key.public_key),
            "proofPurpose": "assertionMethod",
        }
        proof = _merge(honest, dict(members))
        proof["proofValue"] = encode_multibase(key.sign(document_digest(proof) + entry.digest()))
        proofs.append(proof)
    return encode_entry(replace(entry, proofs=tuple(proofs)))


def forge_first(
    parameters: JsonObject | None = None,
    state: JsonObject | None = None,
    *,
    keys: Sequence[Ed25519PrivateKey] = (KEY,),
) -> str:
    """A first entry with a right SCID, a right hash and right proofs, whatever its content. A member of
    `parameters` or `state` that is None is taken away."""
    honest: JsonObject = {"method": METHOD, "scid": SCID_PLACEHOLDER, "updateKeys": [multikey(KEY)]}
    content: JsonObject = {
        "parameters": _merge(honest, parameters),
        "state": _merge(document(f"did:webvh:{SCID_PLACEHOLDER}:issuer.example"), state),
    }
    scid = _entry(1, SCID_PLACEHOLDER, START, content).entry_hash
    text = canonicalize(content).decode().replace(SCID_PLACEHOLDER, scid)
    return sign(_entry(1, scid, START, parse_json_object(text)), *keys)


def forge_next(
    previous: VerifiedVersion,
    parameters: JsonObject | None = None,
    state: JsonObject | None = None,
    *,
    keys: Sequence[Ed25519PrivateKey] = (KEY,),
    time: datetime | None = None,
    **members: str | None,
) -> str:
    """The entry after `previous` with a right hash and right proofs, whatever its content."""
    content: JsonObject = {
        "parameters": parameters if parameters is not None else {},
        "state": _merge(previous.state, state),
    }
    moment = previous.time + HOUR if time is None else time
    return sign(_entry(previous.number + 1, previous.version_id, moment, content), *keys, **members)


@dataclass(frozen=True)
class Log:
    """A history under construction: its lines, and the version the next entry goes on top of."""

    lines: tuple[str, ...]
    version: VerifiedVersion

    def then(self, entry: NewEntry) -> "Log":
        return Log((*self.lines, entry.line), entry.version)


def log(entry: NewEntry) -> Log:
    return Log((entry.line,), entry.version)


def _entry(number: int, predecessor: str, time: datetime, content: JsonObject) -> LogEntry:
    parameters, state = content["parameters"], content["state"]
    assert isinstance(parameters, dict)
    assert isinstance(state, dict)
    return create_entry(number, predecessor, time=time, parameters=parameters, state=state)


def _merge(honest: JsonObject, changes: JsonObject | None) -> JsonObject:
    merged = honest | (changes or {})
    return {name: value for name, value in merged.items() if value is not None}

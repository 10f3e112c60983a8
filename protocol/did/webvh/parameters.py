"""The parameters of a did:webvh log: who may write the next entry, and under which rules.

An entry states only what changes. What is in force after it is a `Parameters` value, and each entry is read
on top of the one in force before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.did.key import parse_did_key
from protocol.did.webvh.entry import multihash
from protocol.encoding.members import (
    boolean_member,
    integer_member,
    object_member,
    objects_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PublicKey

METHOD = "did:webvh:1.0"
DEFAULT_TTL = 3600
MAX_TTL = 2**31
MAX_ITEMS = 64
"""The most update keys, next key hashes, witnesses or watchers."""

# Early authors wrote null for "back to the default", and readers are asked to take it as that.
_DEFAULTS: Mapping[str, JsonValue] = {
    "updateKeys": [],
    "nextKeyHashes": [],
    "witness": {},
    "watchers": [],
    "portable": False,
    "deactivated": False,
    "ttl": DEFAULT_TTL,
}
_NAMES = frozenset({"method", "scid", *_DEFAULTS})


@dataclass(frozen=True, slots=True)
class WitnessRule:
    """At least `threshold` of the witnesses (did:key DIDs, each once) must approve an entry."""

    threshold: int
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is in force after an entry.

    Attributes:
        scid: The self-certifying identifier, fixed by the first entry.
        update_keys: The multikeys that may sign the next entry, unless pre-rotation is active.
        next_key_hashes: The hashes of the keys the next entry may use; any at all mean pre-rotation.
        witness: Who must approve entries, None when nobody.
        watchers: URLs of parties that keep copies.
        portable: Whether the DID may move to another place on the web.
        deactivated: Whether the DID has come to its end.
        ttl: For how many seconds a resolver may keep the result.
    """

    scid: str
    update_keys: tuple[str, ...] = ()
    next_key_hashes: tuple[str, ...] = ()
    witness: WitnessRule | None = None
    watchers: tuple[str, ...] = ()
    portable: bool = False
    deactivated: bool = False
    ttl: int = DEFAULT_TTL


def key_hash(multikey: str) -> str:
    """The hash that commits to `multikey` in `nextKeyHashes`."""
    return multihash(multikey.encode("utf-8"))


def parse_first_parameters(source: JsonObject) -> Parameters:
    """Read the parameters of a first entry.

    Raises:
        MalformedError: method, scid or updateKeys is missing, or a parameter breaks its rules.
        VerificationError: another version of the method than 1.0.
    """
    _check_method(source.get("method"))
    if not isinstance(scid := source.get("scid"), str):
        raise MalformedError(Code.DID_PARAMETERS_INVALID, "scid")
    if "updateKeys" not in source:
        raise MalformedError(Code.DID_PARAMETERS_INVALID, "updateKeys is missing")
    return _apply(source, Parameters(scid))


def parse_next_parameters(source: JsonObject, previous: Parameters) -> Parameters:
    """Read the parameters of a later entry, on top of those in force before it.

    Raises:
        MalformedError: a parameter breaks its rules, `scid` comes again, or `portable` is set once more.
        VerificationError: the DID was deactivated before, another version of the method than 1.0, or
            pre-rotation is active and the keys are not stated, or not among those committed to.
    """
    if previous.deactivated:
        raise VerificationError(Code.DID_DEACTIVATED, "an entry after the last one")
    if previous.next_key_hashes and not ("updateKeys" in source and "nextKeyHashes" in source):
        raise VerificationError(Code.DID_PREROTATION_VIOLATED, "the keys are not stated")
    if not source:
        return previous
    if "method" in source:
        _check_method(source["method"])
    if "scid" in source:
        raise MalformedError(Code.DID_PARAMETERS_INVALID, "scid belongs to the first entry")
    if source.get("portable") is True:
        raise MalformedError(Code.DID_PARAMETERS_INVALID, "only the first entry can make a DID portable")
    parameters = _apply(source, previous)
    if previous.next_key_hashes:
        committed = set(previous.next_key_hashes)
        if not all(key_hash(multikey) in committed for multikey in parameters.update_keys):
            raise VerificationError(Code.DID_PREROTATION_VIOLATED)
    return parameters


def authorized_keys(previous: Parameters | None, current: Parameters) -> tuple[str, ...]:
    """The multikeys that may sign an entry with `current` in force after it (Authorized Keys).

    Its own where it is the first or reveals keys committed to before, else those of the entry before.
    """
    if previous is None or previous.next_key_hashes:
        return current.update_keys
    return previous.update_keys


def governing_witness(previous: Parameters | None, current: Parameters) -> WitnessRule | None:
    """Who must approve an entry with `current` in force after it (DID Witnesses).

    A change of witnesses is approved by those it replaces: nobody is voted out by the others, or by the
    owner alone. The first witnesses there are approve the entry that names them.
    """
    if previous is None or previous.witness is None:
        return current.witness
    return previous.witness


def governing_witnesses(sources: Iterable[JsonObject]) -> list[WitnessRule | None]:
    """Who must approve each entry of a history, by the `parameters` of its entries, the first one first.

    Raises:
        MalformedError, VerificationError: as `parse_first_parameters` and `parse_next_parameters`.
    """
    previous: Parameters | None = None
    rules = []
    for source in sources:
        current = (
            parse_first_parameters(source) if previous is None else parse_next_parameters(source, previous)
        )
        rules.append(governing_witness(previous, current))
        previous = current
    return rules


def encode_witness_rule(rule: WitnessRule | None) -> JsonObject:
    """The `witness` parameter for `rule`; `{}` for none."""
    if rule is None:
        return {}
    return {"threshold": rule.threshold, "witnesses": [{"id": witness} for witness in rule.witnesses]}


def _check_method(method: JsonValue) -> None:
    # Never downgraded, defaulted or guessed: the version says which algorithms are allowed.
    if method != METHOD:
        raise VerificationError(Code.DID_METHOD_UNSUPPORTED, f"expected {METHOD}")


def _apply(source: JsonObject, base: Parameters) -> Parameters:
    if not source.keys() <= _NAMES:
        raise MalformedError(Code.DID_PARAMETERS_INVALID, "a parameter that did:webvh does not define")
    if None in source.values():
        source = {name: _DEFAULTS.get(name) if value is None else value for name, value in source.items()}
    try:
        return Parameters(
            scid=base.scid,
            update_keys=_update_keys(source) if "updateKeys" in source else base.update_keys,
            next_key_hashes=_texts(source, "nextKeyHashes", base.next_key_hashes),
            witness=_witness(source) if "witness" in source else base.witness,
            watchers=_texts(source, "watchers", base.watchers),
            portable=boolean_member(source, "portable", default=base.portable),
            deactivated=boolean_member(source, "deactivated", default=base.deactivated),
            ttl=_ttl(source) if "ttl" in source else base.ttl,
        )
    except MalformedError as error:
        raise MalformedError(Code.DID_PARAMETERS_INVALID, error.detail) from error


def _update_keys(source: JsonObject) -> tuple[str, ...]:
    keys = _texts(source, "updateKeys", ())
    for key in keys:
        _check_ed25519("did:key:" + key)
    return keys


def _texts(source: JsonObject, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if name not in source:
        return default
    texts = texts_member(source, name)
    if len(texts) > MAX_ITEMS or len(set(texts)) != len(texts):
        raise MalformedError(Code.MEMBER_INVALID, name)
    return tuple(texts)


def _witness(source: JsonObject) -> WitnessRule | None:
    rule = object_member(source, "witness")
    if not rule:
        return None
    listed = objects_member(rule, "witnesses", minimum=1)
    witnesses = tuple(text_member(item, "id") for item in listed)
    if rule.keys() != {"threshold", "witnesses"} or any(item.keys() != {"id"} for item in listed):
        raise MalformedError(Code.MEMBER_INVALID, "witness")
    if len(witnesses) > MAX_ITEMS or len(set(witnesses)) != len(witnesses):
        raise MalformedError(Code.MEMBER_INVALID, "witnesses")
    for witness in witnesses:
        _check_ed25519(witness)
    threshold = integer_member(rule, "threshold", minimum=1)
    if threshold > len(witnesses):
        raise MalformedError(Code.MEMBER_INVALID, "threshold")
    return WitnessRule(threshold, witnesses)


def _check_ed25519(did_key: str) -> None:
    # eddsa-jcs-2022 is the only cryptosuite of did:webvh 1.0: another kind of key could never sign.
    if not isinstance(parse_did_key(did_key), Ed25519PublicKey):
        raise MalformedError(Code.KEY_INVALID, "did:webvh needs Ed25519 keys")


def _ttl(source: JsonObject) -> int:
    ttl = integer_member(source, "ttl")
    if ttl > MAX_TTL:
        raise MalformedError(Code.MEMBER_INVALID, "ttl")
    return ttl

"""Attacks on did:webvh histories: each starts from an honest log, breaks one thing and signs it again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.did.document import MAX_VERIFICATION_METHODS, parse_did_document
from protocol.did.webvh.author import deactivate_did, update_did
from protocol.did.webvh.entry import create_entry, encode_entry, parse_entry
from protocol.did.webvh.identifier import parse_webvh, parse_webvh_url
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule, key_hash
from protocol.did.webvh.witness import NO_WITNESS_PROOFS, WitnessProofs, create_witness_proof
from protocol.encoding.base58btc import encode_base58btc
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.multikey import encode_multikey
from tests.webvh_logs import (
    HOUR,
    KEY,
    NEXT_KEY,
    NOW,
    OTHER_WITNESS,
    START,
    STRANGER,
    THIRD_KEY,
    WITNESS,
    Log,
    document,
    first,
    forge_first,
    forge_next,
    log,
    multikey,
    sign,
    verify,
)

HONEST = first()
ROTATING = first(NEXT_KEY)
SCID = HONEST.version.parameters.scid
DID = HONEST.version.did
OTHER_SCID = ROTATING.version.parameters.scid
P256 = encode_multikey(P256PrivateKey(bytes(31) + b"\x07").public_key)


def did_key(key: Ed25519PrivateKey) -> str:
    return f"did:key:{multikey(key)}"


def _three() -> Log:
    honest = log(HONEST)
    for _ in range(2):
        honest = honest.then(update_did(honest.version, key=KEY, time=honest.version.time + HOUR))
    return honest


THREE = _three()


def _renumbered(version_id: str) -> str:
    """A second entry with another version id, signed again."""
    entry = parse_entry(forge_next(HONEST.version))
    return sign(replace(entry, version_id=version_id), KEY)


def _with_time(text: str) -> str:
    """A second entry with another spelling of time, hashed and signed again."""
    entry = replace(parse_entry(forge_next(HONEST.version)), time_text=text)
    return sign(replace(entry, version_id=f"2-{entry.hash_after(HONEST.version.version_id)}"), KEY)


def _entry_hash() -> str:
    return parse_entry(forge_next(HONEST.version)).entry_hash


def _broken_in_the_middle() -> tuple[str, ...]:
    """Three entries; the second has another hash, and the third follows from what the second says it is."""
    wrong = f"2-{OTHER_SCID}"
    second = sign(replace(parse_entry(forge_next(HONEST.version)), version_id=wrong), KEY)
    version = replace(HONEST.version, number=2, version_id=wrong, time=START + HOUR)
    return (HONEST.line, second, forge_next(version))


def _changed_first(line: str, **changes: JsonValue) -> str:
    """The first entry `line` with its SCID and another document, hashed and signed again."""
    entry = parse_entry(line)
    scid = text_member(entry.parameters, "scid")
    state = entry.state | changes
    return sign(create_entry(1, scid, time=START, parameters=entry.parameters, state=state), KEY)


def _placeholder_left() -> str:
    """A first entry that has its SCID because a placeholder stands where the SCID could stand."""
    entry = forge_first(state={"alsoKnownAs": ["did:webvh:{SCID}:issuer.example"]})
    return _changed_first(entry, alsoKnownAs=["did:webvh:{SCID}:issuer.example"])


def _unsigned() -> str:
    return sign(parse_entry(forge_next(HONEST.version)))


def _signed_over_other_content() -> str:
    honest = parse_entry(forge_next(HONEST.version))
    other = parse_entry(forge_next(HONEST.version, state={"alsoKnownAs": ["https://issuer.example"]}))
    return encode_entry(replace(other, proofs=honest.proofs))


def _revoked_key() -> tuple[str, ...]:
    rotated = log(HONEST).then(
        update_did(HONEST.version, key=KEY, time=START + HOUR, update_keys=[THIRD_KEY.public_key])
    )
    return (*rotated.lines, forge_next(rotated.version, keys=(KEY,)))


def _deactivated() -> tuple[str, ...]:
    (end,) = deactivate_did(HONEST.version, key=KEY, time=START + HOUR)
    revived: JsonObject = {"deactivated": False, "updateKeys": [multikey(KEY)]}
    return (HONEST.line, end.line, forge_next(end.version, revived))


def _witness(threshold: JsonValue, *witnesses: str) -> str:
    return forge_first({"witness": {"threshold": threshold, "witnesses": [{"id": w} for w in witnesses]}})


def _with_member_twice(of: str, member: str) -> str:
    """An entry whose hash and proof hold, for who takes the last of two members with one name."""
    line = update_did(HONEST.version, key=KEY, time=START + HOUR, parameters={"ttl": 60}).line
    return line.replace(f'"{of}":{{', f'"{of}":{{{member},', 1)


BAD_THRESHOLDS: dict[str, JsonValue] = {
    "zero": 0,
    "negative": -1,
    "above-the-number-of-witnesses": 2,
    "fraction": 1.5,
    "text": "1",
    "true": True,
    "null": None,
}

ATTACKS: dict[str, tuple[Code, tuple[str, ...]]] = {
    "NT-D01-scid-of-another-content": (
        Code.DID_SCID_MISMATCH,
        (_changed_first(HONEST.line, alsoKnownAs=["https://issuer.example"]),),
    ),
    "NT-D01-scid-of-another-did": (
        Code.DID_SCID_MISMATCH,
        (forge_first(state={"id": DID}),),
    ),
    "NT-D01-placeholder-left-in-the-entry": (
        Code.DID_SCID_MISMATCH,
        (_placeholder_left(),),
    ),
    "NT-D02-scid-swapped-later": (
        Code.DID_SCID_MISMATCH,
        (HONEST.line, forge_next(HONEST.version, state={"id": DID.replace(SCID, OTHER_SCID)})),
    ),
    "NT-D03-entry-removed": (
        Code.DID_CHAIN_BROKEN,
        (THREE.lines[0], THREE.lines[2]),
    ),
    "NT-D03-first-entry-removed": (Code.DID_CHAIN_BROKEN, THREE.lines[1:]),
    "NT-D03-entry-duplicated": (
        Code.DID_CHAIN_BROKEN,
        (*THREE.lines[:2], *THREE.lines[1:]),
    ),
    "NT-D03-entries-reordered": (
        Code.DID_CHAIN_BROKEN,
        (THREE.lines[0], THREE.lines[2], THREE.lines[1]),
    ),
    "NT-D03-entry-of-another-branch": (
        Code.DID_CHAIN_BROKEN,
        (
            *THREE.lines[:2],
            forge_next(replace(THREE.version, number=2, version_id=f"2-{SCID}")),
        ),
    ),
    **{
        f"NT-D04-version-id-{name}": (
            Code.FORMAT_INVALID,
            (HONEST.line, _renumbered(prefix + _entry_hash())),
        )
        for name, prefix in {
            "leading-zero": "02-",
            "two-dashes": "2--",
            "underscore": "2_0-",
            "plus": "+2-",
            "white-space": " 2-",
            "no-dash": "2",
            "zero": "0-",
        }.items()
    },
    "NT-D04-version-id-arabic-digit": (
        Code.FORMAT_INVALID,
        (HONEST.line, forge_next(HONEST.version).replace('"versionId":"2-', '"versionId":"\u0662-')),
    ),
    "NT-D05-hash-of-an-intermediate-entry": (Code.DID_CHAIN_BROKEN, _broken_in_the_middle()),
    "NT-D06-hash-is-sha1": (
        Code.DID_CHAIN_BROKEN,
        (HONEST.line, _renumbered("2-" + encode_base58btc(b"\x11\x14" + bytes(20)))),
    ),
    "NT-D06-hash-is-truncated": (
        Code.DID_CHAIN_BROKEN,
        (HONEST.line, _renumbered(f"2-{_entry_hash()[:-1]}")),
    ),
    "NT-D07-time-equal": (
        Code.DID_TIME_INVALID,
        (HONEST.line, forge_next(HONEST.version, time=START)),
    ),
    "NT-D07-time-earlier": (
        Code.DID_TIME_INVALID,
        (HONEST.line, forge_next(HONEST.version, time=START - HOUR)),
    ),
    "NT-D08-time-in-the-future": (
        Code.DID_TIME_INVALID,
        (HONEST.line, forge_next(HONEST.version, time=NOW + timedelta(minutes=5, seconds=1))),
    ),
    "NT-D08-time-in-the-future-in-the-middle": (
        Code.DID_TIME_INVALID,
        (HONEST.line, forge_next(HONEST.version, time=NOW + 10 * HOUR), THREE.lines[2]),
    ),
    **{
        f"NT-D09-time-{name}": (
            Code.DID_TIME_INVALID,
            (HONEST.line, _with_time(text)),
        )
        for name, text in {
            "without-zone": "2026-01-02T00:00:00",
            "other-zone": "2026-01-02T02:00:00+02:00",
            "negative-zero-zone": "2026-01-02T00:00:00-00:00",
            "week-date": "2026-W01-5T00:00:00Z",
            "leap-second": "2026-01-02T23:59:60Z",
            "basic-form": "20260102T000000Z",
            "date-only": "2026-01-02",
            "lower-case": "2026-01-02t00:00:00z",
            "zone-and-z": "2026-01-02T00:00:00Z+00:00",
        }.items()
    },
    "NT-D10-proof-over-other-content": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, _signed_over_other_content()),
    ),
    "NT-D10-no-proof": (Code.DID_PROOF_INVALID, (HONEST.line, _unsigned())),
    "NT-D10-proof-an-object": (
        Code.DID_PROOF_INVALID,
        (HONEST.line.replace('"proof":[', '"proof":').replace('}],"state"', '},"state"'),),
    ),
    "NT-D10-proof-twice": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, keys=(KEY, KEY))),
    ),
    "NT-D10-seventeen-proofs": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, keys=(KEY,) * 17)),
    ),
    "NT-D10-second-proof-by-a-stranger": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (HONEST.line, forge_next(HONEST.version, keys=(KEY, STRANGER))),
    ),
    "NT-D10-proof-made-in-a-context": (
        Code.DID_PROOF_INVALID,
        (
            HONEST.line,
            sign(parse_entry(forge_next(HONEST.version)), KEY, **{"@context": "https://context.example/1"}),
        ),
    ),
    "NT-D10-proof-on-top-of-another": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, previousProof="urn:uuid:1")),
    ),
    "NT-D10-proof-expired-before-the-entry": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, expires="2026-01-01T00:59:59Z")),
    ),
    **{
        f"NT-D11-cryptosuite-{name}": (
            Code.DID_PROOF_INVALID,
            (HONEST.line, forge_next(HONEST.version, cryptosuite=suite)),
        )
        for name, suite in {
            "rdfc": "eddsa-rdfc-2022",
            "ecdsa": "ecdsa-jcs-2019",
            "case": "EdDSA-JCS-2022",
            "missing": None,
        }.items()
    },
    "NT-D11-other-proof-type": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, type="Ed25519Signature2020")),
    ),
    "NT-D12-purpose-authentication": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, proofPurpose="authentication")),
    ),
    "NT-D12-purpose-missing": (
        Code.DID_PROOF_INVALID,
        (HONEST.line, forge_next(HONEST.version, proofPurpose=None)),
    ),
    "NT-D13-body-is-not-the-fragment": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (
            HONEST.line,
            forge_next(
                HONEST.version,
                keys=(STRANGER,),
                verificationMethod=f"{did_key(STRANGER)}#{multikey(KEY)}",
            ),
        ),
    ),
    "NT-D13-fragment-is-not-the-body": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (
            HONEST.line,
            forge_next(HONEST.version, verificationMethod=f"{did_key(KEY)}#{multikey(STRANGER)}"),
        ),
    ),
    "NT-D13-no-fragment": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (HONEST.line, forge_next(HONEST.version, verificationMethod=did_key(KEY))),
    ),
    "NT-D13-key-of-the-document": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (HONEST.line, forge_next(HONEST.version, verificationMethod=f"{DID}#key-1")),
    ),
    "NT-D14-key-the-entry-itself-brings": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (
            HONEST.line,
            forge_next(HONEST.version, {"updateKeys": [multikey(STRANGER)]}, keys=(STRANGER,)),
        ),
    ),
    "NT-D14-first-entry-by-a-key-it-does-not-name": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (forge_first(keys=(STRANGER,)),),
    ),
    "NT-D14-no-key-may-write": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (forge_first({"updateKeys": []}),),
    ),
    "NT-D15-revoked-key": (Code.DID_KEY_NOT_AUTHORIZED, _revoked_key()),
    "NT-D16-pre-rotation-update-keys-omitted": (
        Code.DID_PREROTATION_VIOLATED,
        (ROTATING.line, forge_next(ROTATING.version, {"nextKeyHashes": []})),
    ),
    "NT-D16-pre-rotation-next-key-hashes-omitted": (
        Code.DID_PREROTATION_VIOLATED,
        (
            ROTATING.line,
            forge_next(ROTATING.version, {"updateKeys": [multikey(NEXT_KEY)]}, keys=(NEXT_KEY,)),
        ),
    ),
    "NT-D16-pre-rotation-empty-parameters": (
        Code.DID_PREROTATION_VIOLATED,
        (ROTATING.line, forge_next(ROTATING.version)),
    ),
    "NT-D17-key-that-was-not-committed-to": (
        Code.DID_PREROTATION_VIOLATED,
        (
            ROTATING.line,
            forge_next(
                ROTATING.version,
                {"updateKeys": [multikey(NEXT_KEY), multikey(STRANGER)], "nextKeyHashes": []},
                keys=(NEXT_KEY,),
            ),
        ),
    ),
    "NT-D17-old-key-kept": (
        Code.DID_PREROTATION_VIOLATED,
        (
            ROTATING.line,
            forge_next(ROTATING.version, {"updateKeys": [multikey(KEY)], "nextKeyHashes": []}),
        ),
    ),
    "NT-D17-committed-key-signs-without-being-named": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (
            ROTATING.line,
            forge_next(ROTATING.version, {"updateKeys": [], "nextKeyHashes": []}, keys=(NEXT_KEY,)),
        ),
    ),
    "NT-D17-old-key-signs-the-revealed-one": (
        Code.DID_KEY_NOT_AUTHORIZED,
        (
            ROTATING.line,
            forge_next(
                ROTATING.version,
                {"updateKeys": [multikey(NEXT_KEY)], "nextKeyHashes": [key_hash(multikey(THIRD_KEY))]},
            ),
        ),
    ),
    **{
        f"NT-D18-method-{name}": (
            Code.DID_METHOD_UNSUPPORTED,
            (HONEST.line, forge_next(HONEST.version, {"method": method})),
        )
        for name, method in {
            "downgraded": "did:webvh:0.5",
            "unknown": "did:webvh:99.0",
            "candidate": "did:webvh:1.0-rc1",
            "null": None,
            "number": 1.0,
        }.items()
    },
    "NT-D18-method-missing-in-the-first-entry": (
        Code.DID_METHOD_UNSUPPORTED,
        (forge_first({"method": None}),),
    ),
    "NT-D19-portable-set-later": (
        Code.DID_PARAMETERS_INVALID,
        (HONEST.line, forge_next(HONEST.version, {"portable": True})),
    ),
    "NT-D19-moved-without-being-portable": (
        Code.DID_PARAMETERS_INVALID,
        (
            HONEST.line,
            forge_next(
                HONEST.version,
                state={"id": f"did:webvh:{SCID}:elsewhere.example", "alsoKnownAs": [DID]},
            ),
        ),
    ),
    "NT-D20-entry-after-deactivation": (Code.DID_DEACTIVATED, _deactivated()),
    "NT-D21-duplicate-witnesses": (
        Code.DID_PARAMETERS_INVALID,
        (_witness(2, did_key(WITNESS), did_key(WITNESS)),),
    ),
    **{
        f"NT-D22-threshold-{name}": (
            Code.DID_PARAMETERS_INVALID,
            (_witness(threshold, did_key(WITNESS)),),
        )
        for name, threshold in BAD_THRESHOLDS.items()
    },
    "NT-D22-threshold-spelled-as-a-fraction": (
        Code.DID_PARAMETERS_INVALID,
        (_witness(1, did_key(WITNESS)).replace('"threshold":1,', '"threshold":1.0,'),),
    ),
    "NT-D22-threshold-missing": (
        Code.DID_PARAMETERS_INVALID,
        (forge_first({"witness": {"witnesses": [{"id": did_key(WITNESS)}]}}),),
    ),
    "NT-D22-no-witnesses": (Code.DID_PARAMETERS_INVALID, (_witness(1),)),
    "NT-D26-witness-key-not-ed25519": (
        Code.DID_PARAMETERS_INVALID,
        (_witness(1, f"did:key:{P256}"),),
    ),
    "NT-D26-witness-not-a-did-key": (
        Code.DID_PARAMETERS_INVALID,
        (_witness(1, "did:web:witness.example"),),
    ),
    "NT-D26-witness-did-key-with-a-fragment": (
        Code.DID_PARAMETERS_INVALID,
        (_witness(1, f"{did_key(WITNESS)}#{multikey(WITNESS)}"),),
    ),
    "NT-D34-member-of-the-document-twice": (
        Code.JSON_DUPLICATE_MEMBER,
        (HONEST.line, _with_member_twice("state", '"id":"did:web:other.example"')),
    ),
    "NT-D34-the-same-member-twice": (
        Code.JSON_DUPLICATE_MEMBER,
        (HONEST.line, _with_member_twice("state", f'"id":"{DID}"')),
    ),
    "NT-D34-member-twice-in-another-spelling": (
        Code.JSON_DUPLICATE_MEMBER,
        (HONEST.line, _with_member_twice("state", r'"\u0069d":"did:web:other.example"')),
    ),
    "NT-D34-parameter-twice": (
        Code.JSON_DUPLICATE_MEMBER,
        (HONEST.line, _with_member_twice("parameters", '"ttl":1')),
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_on_a_did_log_is_refused_for_its_reason(attack: str) -> None:
    expected, lines = ATTACKS[attack]
    verify(*THREE.lines)
    verify(ROTATING.line)
    with pytest.raises(TallyError) as refusal:
        verify(*lines)
    assert refusal.value.code is expected
    assert multikey(KEY) not in str(refusal.value)


RULE = WitnessRule(2, (did_key(WITNESS), did_key(OTHER_WITNESS)))
WITNESSED = first(parameters={"witness": encode_witness_rule(RULE)})
SECOND = update_did(WITNESSED.version, key=KEY, time=START + HOUR)


def _proofs(version_id: str, *keys: Ed25519PrivateKey) -> WitnessProofs:
    return {version_id: [create_witness_proof(version_id, key=key, created=NOW) for key in keys]}


def _both(version_id: str) -> WitnessProofs:
    return _proofs(version_id, WITNESS, OTHER_WITNESS)


def _other_suite() -> WitnessProofs:
    (proofs,) = _both(SECOND.version.version_id).values()
    return {SECOND.version.version_id: [proofs[0], {**proofs[1], "cryptosuite": "eddsa-rdfc-2022"}]}


def _borrowed_name() -> WitnessProofs:
    """A stranger signs, and puts the witness's key into the fragment."""
    name = SECOND.version.version_id
    honest, forged = _proofs(name, WITNESS, STRANGER)[name]
    return {name: [honest, forged | {"verificationMethod": f"{did_key(STRANGER)}#{multikey(OTHER_WITNESS)}"}]}


WITNESS_ATTACKS: dict[str, WitnessProofs] = {
    "NT-D23-two-proofs-by-one-witness": _proofs(SECOND.version.version_id, WITNESS, WITNESS),
    "NT-D23-proof-by-a-stranger": _proofs(SECOND.version.version_id, WITNESS, STRANGER),
    "NT-D23-fragment-names-the-witness": _borrowed_name(),
    "NT-D23-other-cryptosuite": _other_suite(),
    "NT-D23-proof-for-an-earlier-version-only": _both(WITNESSED.version.version_id),
    "NT-D24-proof-for-another-did": {
        SECOND.version.version_id: _both(f"2-{OTHER_SCID}")[f"2-{OTHER_SCID}"],
    },
    "NT-D24-proof-file-of-another-did": _both(f"2-{OTHER_SCID}"),
    "NT-D25-proof-for-a-version-to-come": _both(f"3-{OTHER_SCID}"),
    "NT-D25-no-proofs": NO_WITNESS_PROOFS,
}


@pytest.mark.parametrize("attack", WITNESS_ATTACKS)
def test_history_without_the_approval_of_its_witnesses_is_refused(attack: str) -> None:
    lines = (WITNESSED.line, SECOND.line)
    verify(*lines, witness_proofs=_both(SECOND.version.version_id))
    with pytest.raises(TallyError) as refusal:
        verify(*lines, witness_proofs=WITNESS_ATTACKS[attack])
    assert refusal.value.code is Code.DID_WITNESS_MISSING


HOST = f"did:webvh:{SCID}:"
DID_ATTACKS: dict[str, tuple[Code, str]] = {
    "NT-D27-traversal": (Code.DID_INVALID, "issuer.example:..:..:admin"),
    "NT-D27-traversal-encoded": (Code.DID_INVALID, "issuer.example:%2E%2e:admin"),
    "NT-D27-traversal-half-encoded": (Code.DID_INVALID, "issuer.example:.%2e"),
    "NT-D27-slash-encoded": (Code.DID_INVALID, "issuer.example:a%2Fb"),
    "NT-D27-backslash-encoded": (Code.DID_INVALID, "issuer.example:a%5Cb"),
    "NT-D27-encoded-twice": (Code.DID_INVALID, "issuer.example:%252e%252e"),
    "NT-D27-dot": (Code.DID_INVALID, "issuer.example:.:a"),
    "NT-D27-empty-segment": (Code.DID_INVALID, "issuer.example::a"),
    "NT-D27-nul": (Code.DID_INVALID, "issuer.example:a%00"),
    "NT-D27-line-end": (Code.DID_INVALID, "issuer.example:a%0Ab"),
    "NT-D27-white-space-at-the-edge": (Code.DID_INVALID, "issuer.example:a%20"),
    "NT-D27-direction-of-text": (Code.DID_INVALID, "issuer.example:a%E2%80%AEb"),
    "NT-D27-not-utf8": (Code.DID_INVALID, "issuer.example:%FF"),
    "NT-D27-bad-encoding": (Code.DID_INVALID, "issuer.example:%2"),
    "NT-D28-ipv4": (Code.NETWORK_HOST_FORBIDDEN, "127.0.0.1"),
    "NT-D28-ipv4-encoded": (Code.NETWORK_HOST_FORBIDDEN, "127%2E0%2E0%2E1"),
    "NT-D28-ipv4-metadata": (Code.NETWORK_HOST_FORBIDDEN, "169%2e254%2e169%2e254"),
    "NT-D28-ipv4-with-port": (Code.NETWORK_HOST_FORBIDDEN, "127.0.0.1%3a8080"),
    "NT-D28-ipv4-decimal": (Code.NETWORK_HOST_FORBIDDEN, "2130706433"),
    "NT-D28-ipv4-hexadecimal": (Code.NETWORK_HOST_FORBIDDEN, "0x7f.0x0.0x0.0x1"),
    "NT-D28-ipv4-octal": (Code.NETWORK_HOST_FORBIDDEN, "0177.0.0.01"),
    "NT-D28-ipv4-short": (Code.NETWORK_HOST_FORBIDDEN, "127.1"),
    "NT-D28-ipv4-fullwidth-digits": (
        Code.NETWORK_HOST_FORBIDDEN,
        "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.%EF%BC%91",
    ),
    "NT-D28-ipv6": (Code.NETWORK_HOST_FORBIDDEN, "[::1]"),
    "NT-D28-ipv6-encoded": (Code.NETWORK_HOST_FORBIDDEN, "%5B%3A%3A1%5D"),
    "NT-D28-localhost": (Code.NETWORK_HOST_FORBIDDEN, "localhost"),
    "NT-D28-localhost-with-port": (Code.NETWORK_HOST_FORBIDDEN, "localhost%3A8080"),
    "NT-D28-trailing-dot": (Code.DID_INVALID, "issuer.example."),
    "NT-D28-user": (Code.DID_INVALID, "user%40issuer.example"),
    "NT-D28-kelvin-sign": (Code.DID_INVALID, "%E2%84%AA.example"),
    "NT-D28-port-zero": (Code.DID_INVALID, "issuer.example%3A0"),
    "NT-D28-port-too-large": (Code.DID_INVALID, "issuer.example%3A65536"),
    "NT-D28-two-ports": (Code.DID_INVALID, "issuer.example%3A80%3A80"),
    "NT-D29-fragment": (Code.NETWORK_HOST_FORBIDDEN, "127.0.0.1#x"),
    "NT-D29-query": (Code.NETWORK_HOST_FORBIDDEN, "127.0.0.1?versionId=1"),
    "NT-D29-path": (Code.NETWORK_HOST_FORBIDDEN, "127.0.0.1/x.example"),
}


@pytest.mark.parametrize("attack", DID_ATTACKS)
def test_did_that_leads_where_it_must_not_is_refused(attack: str) -> None:
    expected, location = DID_ATTACKS[attack]
    parse_webvh(f"{HOST}issuer.example:a")
    with pytest.raises(TallyError) as refusal:
        parse_webvh_url(HOST + location)
    assert refusal.value.code is expected
    with pytest.raises(TallyError):
        parse_webvh(HOST + location)


def _method(**changes: JsonValue) -> JsonObject:
    honest: JsonObject = {
        "id": f"{DID}#key-1",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": multikey(KEY),
    }
    return honest | changes


DOCUMENT_ATTACKS: dict[str, JsonObject] = {
    "NT-D32-other-controller": {"verificationMethod": [_method(controller="did:web:other.example")]},
    "NT-D32-repeated-id": {"verificationMethod": [_method(), _method(publicKeyMultibase=multikey(STRANGER))]},
    "NT-D32-repeated-id-in-another-spelling": {"verificationMethod": [_method(), _method(id="#key-1")]},
    "NT-D32-key-of-another-did": {"assertionMethod": ["did:web:other.example#key-1"]},
    "NT-D32-key-of-a-longer-did": {"assertionMethod": [f"{DID}:sub#key-1"]},
    "NT-D32-embedded-key-of-another-did": {"assertionMethod": [_method(id="did:web:other.example#key-1")]},
    "NT-D32-too-many-keys": {
        "verificationMethod": [_method(id=f"#key-{n}") for n in range(MAX_VERIFICATION_METHODS + 1)]
    },
    "NT-D32-both-forms-of-a-key": {"verificationMethod": [_method(publicKeyJwk={"kty": "OKP"})]},
    "NT-D32-number-among-the-keys": {"authentication": [1]},
    "NT-D32-document-of-another-did": {"id": "did:web:other.example"},
}


@pytest.mark.parametrize("attack", DOCUMENT_ATTACKS)
def test_did_document_that_breaks_its_rules_is_refused(attack: str) -> None:
    parse_did_document(document(DID), expected_did=DID)
    with pytest.raises(TallyError) as refusal:
        parse_did_document(document(DID) | DOCUMENT_ATTACKS[attack], expected_did=DID)
    assert refusal.value.code is Code.DID_DOCUMENT_INVALID

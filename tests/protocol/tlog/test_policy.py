import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.note import NoteKey, NoteSignature, SignatureType, encode_note, encode_vkey, sign_note
from protocol.tlog.policy import (
    VerifiedCheckpoint,
    encode_log_policy,
    parse_log_policy,
    verify_checkpoint,
    verify_freshness,
)

GENERATED = json.loads(
    (Path(__file__).parents[2] / "vectors" / "generated-ed25519" / "tlog.json").read_bytes()
)
ORIGIN = "ledger.example.org"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LOG_KEY = Ed25519PrivateKey(bytes([1]) * 32)
OTHER_KEY = Ed25519PrivateKey(bytes([2]) * 32)
WITNESS_KEYS = [Ed25519PrivateKey(bytes([100 + number]) * 32) for number in range(7)]
ROOT_HASH = bytes(range(32))
TEXT = encode_checkpoint(Checkpoint(ORIGIN, 7, ROOT_HASH))
LOG_SIGNATURE = sign_note(TEXT, name=ORIGIN, key=LOG_KEY)


def log_vkey(key: Ed25519PrivateKey = LOG_KEY, origin: str = ORIGIN) -> str:
    return encode_vkey(NoteKey(origin, SignatureType.ED25519, key.public_key))


def witness_vkey(number: int) -> str:
    key = WITNESS_KEYS[number].public_key
    return encode_vkey(NoteKey(f"witness.example.org/{number}", SignatureType.ED25519_COSIGNATURE, key))


def cosigned(number: int, time: datetime = NOW, text: str = TEXT) -> NoteSignature:
    return sign_cosignature(text, name=f"witness.example.org/{number}", key=WITNESS_KEYS[number], now=time)


WITNESSES = "".join(f"witness w{number} {witness_vkey(number)}\n" for number in range(7))
POLICY = f"log {log_vkey()} https://{ORIGIN}\n{WITNESSES}"


def verify(quorum: str, *signatures: NoteSignature, text: str = TEXT) -> VerifiedCheckpoint:
    policy = parse_log_policy(f"{POLICY}{quorum}\n")
    return verify_checkpoint(encode_note(text, signatures), policy=policy, now=NOW)


def code_of(quorum: str, *signatures: NoteSignature, text: str = TEXT) -> Code | None:
    try:
        verify(quorum, *signatures, text=text)
    except (VerificationError, MalformedError) as error:
        return error.code
    return None


def test_generated_checkpoint_satisfies_its_policy() -> None:
    policy = parse_log_policy(
        f"log {GENERATED['log_vkey']}\nwitness w1 {GENERATED['witness_vkey']}\nquorum w1\n"
    )
    for size, seconds in [(5, 1767225600), (7, 1767225700)]:
        source = GENERATED[f"checkpoint_{size}"]
        checkpoint = verify_checkpoint(source.encode(), policy=policy, now=NOW)
        assert checkpoint.root_hash.hex() == GENERATED["roots_hex"][size]
        assert (checkpoint.origin, checkpoint.tree_size) == ("ledger.example.com/dids", size)
        assert checkpoint.note == source
        assert checkpoint.time == datetime.fromtimestamp(seconds, UTC)


def test_checkpoint_with_its_quorum_is_verified() -> None:
    note = encode_note(TEXT, [LOG_SIGNATURE, cosigned(0)])
    policy = parse_log_policy(POLICY + "quorum w0\n")
    assert verify_checkpoint(note, policy=policy, now=NOW) == VerifiedCheckpoint(
        ORIGIN, 7, ROOT_HASH, NOW, note
    )


def test_policy_without_quorum_gives_no_time() -> None:
    checkpoint = verify("quorum none", LOG_SIGNATURE, cosigned(0))
    assert checkpoint.time is None
    with pytest.raises(VerificationError) as caught:
        verify_freshness(checkpoint, max_age=timedelta(days=1), now=NOW)
    assert caught.value.code is Code.LOG_STALE


@pytest.mark.parametrize(
    ("group", "cosigners", "satisfied"),
    [
        ("group g all w0 w1 w2\nquorum g", (0, 1, 2), True),
        ("group g all w0 w1 w2\nquorum g", (0, 1), False),
        ("group g any w0 w1 w2\nquorum g", (2,), True),
        ("group g any w0 w1 w2\nquorum g", (3,), False),
        ("group g any w0 w1 w2\nquorum g", (), False),
        ("group g 2 w0 w1 w2\nquorum g", (0, 2), True),
        ("group g 2 w0 w1 w2\nquorum g", (0, 0), False),
        ("group g 2 w0 w1 w2\nquorum g", (0, 3, 4, 5, 6), False),
        ("group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup z all x y\nquorum z", (0, 1, 5), True),
        ("group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup z all x y\nquorum z", (0, 1, 2), False),
        ("group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup z all x y\nquorum z", (0, 3, 4, 5), False),
        ("group x 2 w0 w1 w2\ngroup z all x w6\nquorum z", (0, 1, 6), True),
        ("group x 2 w0 w1 w2\ngroup z all x w6\nquorum x", (0, 1), True),
        ("quorum w3", (0, 1, 2), False),
    ],
)
def test_quorum_is_counted_by_distinct_witnesses(
    group: str, cosigners: tuple[int, ...], satisfied: bool
) -> None:
    code = code_of(group, LOG_SIGNATURE, *[cosigned(number) for number in cosigners])
    assert code == (None if satisfied else Code.LOG_QUORUM_MISSING)


@pytest.mark.parametrize(
    ("minutes", "median"), [([0], 0), ([9, 0], 0), ([9, 0, 4], 4), ([9, 0, 4, 5], 4), ([1, 2, 3, 50, 60], 3)]
)
def test_time_is_the_median_of_the_quorum(minutes: list[int], median: int) -> None:
    begin = NOW - timedelta(hours=1)
    signatures = [cosigned(n, begin + timedelta(minutes=m)) for n, m in enumerate(minutes)]
    checkpoint = verify("group g any w0 w1 w2 w3 w4\nquorum g", LOG_SIGNATURE, *signatures)
    assert checkpoint.time == begin + timedelta(minutes=median)


def test_only_those_who_make_up_the_quorum_set_its_time() -> None:
    early = NOW - timedelta(days=1)
    # w3 is no member, and w2's group is not satisfied: neither can make the checkpoint look newer.
    checkpoint = verify(
        "group x all w0 w1\ngroup y all w2 w4\ngroup z any x y\nquorum z",
        LOG_SIGNATURE,
        cosigned(0, early),
        cosigned(1, early),
        cosigned(2, NOW),
        cosigned(3, NOW),
    )
    assert checkpoint.time == early


def test_later_of_two_cosignatures_of_one_witness_counts_once() -> None:
    early = NOW - timedelta(hours=3)
    for first, second in [(early, NOW), (NOW, early)]:
        checkpoint = verify("quorum w0", LOG_SIGNATURE, cosigned(0, first), cosigned(0, second))
        assert checkpoint.time == NOW


def test_cosignature_from_the_future_does_not_count() -> None:
    limit = NOW + timedelta(minutes=5)
    assert verify("quorum w0", LOG_SIGNATURE, cosigned(0, limit)).time == limit
    late = cosigned(0, limit + timedelta(seconds=1))
    assert code_of("quorum w0", LOG_SIGNATURE, late) is Code.LOG_QUORUM_MISSING
    assert code_of("group g any w0 w1\nquorum g", LOG_SIGNATURE, late, cosigned(1)) is None


def test_checkpoint_the_log_did_not_sign_is_refused() -> None:
    stranger = sign_note(TEXT, name=ORIGIN, key=OTHER_KEY)
    for signatures in [(cosigned(0),), (stranger, cosigned(0)), (stranger,)]:
        assert code_of("quorum w0", *signatures) is Code.LOG_SIGNATURE_INVALID


def test_known_key_with_a_bad_signature_spoils_the_whole_note() -> None:
    bad_log = NoteSignature(ORIGIN, LOG_SIGNATURE.key_id, bytes(64))
    bad_witness = NoteSignature("witness.example.org/1", cosigned(1).key_id, bytes(72))
    good = (LOG_SIGNATURE, cosigned(0))
    assert code_of("quorum w0", *good) is None
    for bad in (bad_log, bad_witness):
        for signatures in [(bad, *good), (*good, bad)]:
            assert code_of("quorum w0", *signatures) is Code.LOG_SIGNATURE_INVALID


def test_signatures_of_unknown_keys_are_ignored() -> None:
    unknown = [NoteSignature(ORIGIN, bytes(4), bytes(64)), NoteSignature("x", LOG_SIGNATURE.key_id, b"x")]
    assert code_of("quorum w0", *unknown, LOG_SIGNATURE, cosigned(0)) is None


def test_signature_under_the_id_of_another_type_is_not_the_logs() -> None:
    other_id = NoteKey(ORIGIN, SignatureType.ED25519_COSIGNATURE, LOG_KEY.public_key).key_id
    moved = NoteSignature(ORIGIN, other_id, LOG_SIGNATURE.signature)
    assert code_of("quorum none", moved) is Code.LOG_SIGNATURE_INVALID


@pytest.mark.parametrize("origin", ["other.example.org", f"{ORIGIN} ", "lеdger.example.org", ORIGIN.upper()])
def test_checkpoint_of_another_origin_is_refused(origin: str) -> None:
    text = encode_checkpoint(Checkpoint(origin, 7, ROOT_HASH))
    signatures = (sign_note(text, name=ORIGIN, key=LOG_KEY), cosigned(0, text=text))
    assert code_of("quorum w0", *signatures, text=text) is Code.LOG_ORIGIN_MISMATCH


def test_log_cannot_sign_for_another_log_of_the_policy() -> None:
    policy = parse_log_policy(f"log {log_vkey()}\nlog {log_vkey(OTHER_KEY, 'b.example')}\nquorum none\n")
    text = encode_checkpoint(Checkpoint("b.example", 7, ROOT_HASH))
    note = encode_note(text, [sign_note(text, name=ORIGIN, key=LOG_KEY)])
    with pytest.raises(VerificationError) as caught:
        verify_checkpoint(note, policy=policy, now=NOW)
    assert caught.value.code is Code.LOG_SIGNATURE_INVALID
    good = encode_note(text, [sign_note(text, name="b.example", key=OTHER_KEY)])
    assert verify_checkpoint(good, policy=policy, now=NOW).origin == "b.example"


def test_cosignature_for_another_log_with_the_same_root_is_refused() -> None:
    elsewhere = cosigned(0, text=encode_checkpoint(Checkpoint("other.example.org", 7, ROOT_HASH)))
    assert code_of("quorum w0", LOG_SIGNATURE, elsewhere) is Code.LOG_SIGNATURE_INVALID


def test_note_that_is_no_checkpoint_is_refused() -> None:
    text = "ledger.example.org\nseven\n"
    signature = sign_note(text, name=ORIGIN, key=LOG_KEY)
    assert code_of("quorum none", signature, text=text) is Code.LOG_NOTE_MALFORMED


def test_checkpoint_older_than_allowed_is_stale() -> None:
    checkpoint = verify("quorum w0", LOG_SIGNATURE, cosigned(0, NOW - timedelta(hours=1)))
    assert verify_freshness(checkpoint, max_age=timedelta(hours=1), now=NOW) == NOW - timedelta(hours=1)
    with pytest.raises(VerificationError) as caught:
        verify_freshness(checkpoint, max_age=timedelta(minutes=59), now=NOW)
    assert caught.value.code is Code.LOG_STALE


def test_policy_is_read_and_written_back() -> None:
    text = (
        f"  # a comment\n\n \t\nlog\t{log_vkey()}  https://{ORIGIN}\n log {log_vkey(OTHER_KEY)} \n"
        f"witness w0 {witness_vkey(0)} https://witness.example.org\nwitness ẃ1 {witness_vkey(1)}\n"
        "group g 2 w0 ẃ1\nquorum g\n# the end\n"
    )
    policy = parse_log_policy(text)
    assert [log.url for log in policy.logs] == [f"https://{ORIGIN}", None]
    assert [witness.url for witness in policy.witnesses] == ["https://witness.example.org", None]
    assert [(group.name, group.threshold, group.members) for group in policy.groups] == [
        ("g", 2, ("w0", "ẃ1"))
    ]
    assert policy.quorum == "g"
    assert parse_log_policy(encode_log_policy(policy)) == policy


def test_policy_of_32_logs_witnesses_and_groups_is_read() -> None:
    lines = []
    for number in range(32):
        key = Ed25519PrivateKey(bytes([number]) * 32).public_key
        lines.append(f"log {encode_vkey(NoteKey('log', SignatureType.ED25519, key))}")
        vkey = encode_vkey(NoteKey("w", SignatureType.ED25519_COSIGNATURE, key))
        lines += [f"witness w{number} {vkey}", f"group g{number} any w{number}"]
    policy = parse_log_policy("\n".join([*lines, "quorum g31"]) + "\n")
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (32, 32, 32)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "quorum w0\nquorum w0",
        "quorum",
        "quorum w0 w1",
        "quorum nobody",
        "quorum g\ngroup g any w0",
        "Quorum w0",
        "log\nquorum w0",
        f"log {log_vkey(OTHER_KEY)} https://x y\nquorum w0",
        f"log {log_vkey()}\nquorum w0",
        f"log {log_vkey(origin='other.example.org')}\nquorum w0",
        f"log {witness_vkey(0)}\nquorum w0",
        f"log {log_vkey(OTHER_KEY)[:-4]}\nquorum w0",
        f"witness w7 {witness_vkey(0)}\nquorum w0",
        f"witness w7 {log_vkey(OTHER_KEY)}\nquorum w0",
        "witness w7\nquorum w0",
        "group g any w0\ngroup g any w1\nquorum g",
        "group w0 any w1\nquorum w1",
        "group none any w1\nquorum w1",
        "group g any none\nquorum g",
        "group g any g\nquorum g",
        "group g any w9\nquorum g",
        "group g any h\ngroup h any w0\nquorum g",
        "group g any w0 w0\nquorum g",
        "group g any w0 w1\ngroup h any w1 w2\nquorum g",
        "group g any\nquorum w0",
        "group g\nquorum w0",
        "group g 0 w0\nquorum g",
        "group g 3 w0 w1\nquorum g",
        "group g 01 w0\nquorum g",
        "group g -1 w0\nquorum g",
        "group g most w0\nquorum g",
        "quorum w0\r",
        "quorum w0\x0b",
        "quorum\u00a0w0",
        "quorum w0\x7f",
        "quorum w0\n#\x00",
    ],
)
def test_policy_that_contradicts_itself_is_refused(lines: str) -> None:
    parse_log_policy(POLICY + "quorum w0\n")
    with pytest.raises(MalformedError) as caught:
        parse_log_policy(f"{POLICY}{lines}\n")
    assert caught.value.code is Code.LOG_POLICY_INVALID


def test_policy_with_one_key_under_two_witness_names_is_refused() -> None:
    key = WITNESS_KEYS[0].public_key
    twin = encode_vkey(NoteKey("twin.example.org", SignatureType.ED25519_COSIGNATURE, key))
    with pytest.raises(MalformedError) as caught:
        parse_log_policy(f"{POLICY}witness twin {twin}\ngroup g 2 w0 twin\nquorum g\n")
    assert caught.value.code is Code.LOG_POLICY_INVALID


def test_policy_without_a_last_newline_is_refused_with_its_line() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_log_policy(POLICY + "quorum w0")
    assert caught.value.code is Code.LOG_POLICY_INVALID
    with pytest.raises(MalformedError, match="line 9"):
        parse_log_policy(POLICY + "quorum nobody\n")


def test_oversized_policy_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_log_policy("#" * 70_000 + "\n" + POLICY + "quorum w0\n")
    assert caught.value.code is Code.SIZE_EXCEEDED

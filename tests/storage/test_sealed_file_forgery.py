import os
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import nacl.bindings
import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import TallyError
from storage.passphrase import (
    INTERACTIVE,
    MODERATE,
    TEST_ONLY,
    WEAKEST_ACCEPTED,
    KdfParameters,
    Passphrase,
    calibrate_kdf,
)
from storage.sealed_file import SealedFile
from storage.sealed_format import (
    MAGIC,
    MAX_BODY_BYTES,
    Content,
    open_content,
    padded_length,
    parse_sealed,
    seal,
)
from storage.sealed_header import RecoveryKey, create_header, create_master_key, expand_key, open_slot
from tests.storage.place import PASSPHRASE, Place, refusal_of, row
from tests.storage.sealing import setting, take_apart, with_header, without

MIB = 1024
FILE_ID = b"f" * 16
MARK_KEY = b"m" * 32
MASTER_KEY = create_master_key()
HEADER = create_header(
    MASTER_KEY, file_id=FILE_ID, passphrase=PASSPHRASE, kdf=TEST_ONLY, recovery_key=RecoveryKey(b"r" * 32)
)
CONTENT = Content(7, MARK_KEY, b"three chunks" + bytes(150_000))
SMALL = seal(HEADER, MASTER_KEY, Content(7, MARK_KEY, b"a small body"))
LARGE = seal(HEADER, MASTER_KEY, CONTENT)
SEALED_CHUNK = 65_536 + 17


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.keep(b"one")
    return place


def unseal(data: bytes, *, weakest_kdf: KdfParameters = TEST_ONLY) -> Content:
    parts = parse_sealed(data)
    return open_content(parts, open_slot(parts.header, PASSPHRASE, weakest_kdf=weakest_kdf))


def outcome(data: bytes) -> Content | Code:
    try:
        return unseal(data)
    except TallyError as error:
        return error.code


def test_the_unharmed_files_open() -> None:
    assert unseal(SMALL) == Content(7, MARK_KEY, b"a small body")
    assert unseal(LARGE) == CONTENT
    assert len(take_apart(LARGE).stream) > 24 + 2 * SEALED_CHUNK


def database_with_a_trigger() -> bytes:
    """What would run somebody else's statements if a wallet were a database."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(
            "CREATE TABLE records (body BLOB); CREATE VIEW bodies AS SELECT body FROM records;"
            "CREATE TRIGGER thief AFTER INSERT ON records BEGIN DELETE FROM records; END;"
        )
        return database.serialize()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="NT-W01-empty"),
        pytest.param(b"t", id="NT-W01-one-byte"),
        pytest.param(bytes(range(256)) * 16, id="NT-W01-noise"),
        pytest.param(MAGIC, id="NT-W01-magic-only"),
        pytest.param(MAGIC + b"\xff\xff\xff\xff" + bytes(100), id="NT-W01-header-of-4-GiB"),
        pytest.param(b"SQLite format 3\x00" + bytes(4080), id="NT-W01-sqlite"),
        pytest.param(database_with_a_trigger(), id="NT-W17-sqlite-with-a-trigger"),
    ],
)
def test_what_is_not_a_sealed_file_is_reported_as_damaged(place: Place, data: bytes) -> None:
    place.path.write_bytes(data)
    assert refusal_of(place.open).code is Code.VAULT_DAMAGED


@pytest.mark.parametrize("kind", ["symlink", "folder", "pipe"], ids="NT-W01-{}".format)
def test_what_is_no_file_at_all_is_refused(place: Place, kind: str) -> None:
    place.path.rename(place.root / "elsewhere")
    match kind:
        case "symlink":
            place.path.symlink_to(place.root / "elsewhere")
        case "folder":
            place.path.mkdir(0o700)
        case _:
            os.mkfifo(place.path, 0o600)
    expected = Code.VAULT_PERMISSIONS if kind == "symlink" else Code.VAULT_DAMAGED
    assert refusal_of(place.open).code is expected


@pytest.mark.parametrize("name", ["small", "large"], ids="NT-W02-{}".format)
def test_a_file_cut_at_any_length_is_reported_as_damaged(name: str) -> None:
    data = SMALL if name == "small" else LARGE
    step = 1 if name == "small" else 499
    first_chunk = len(data) - len(take_apart(data).stream) + 24
    lengths = {*range(0, len(data), step), *range(first_chunk, len(data), SEALED_CHUNK)}
    assert {outcome(data[:length]) for length in lengths} == {Code.VAULT_DAMAGED}


@pytest.mark.parametrize("tail", [b"\x00", bytes(17), SMALL, LARGE[-SEALED_CHUNK:]], ids=len)
def test_anything_after_the_end_is_refused(tail: bytes) -> None:
    full_chunks = seal(HEADER, MASTER_KEY, Content(1, MARK_KEY, bytes(2 * 65_536 - 48)))
    for data in (SMALL, LARGE, full_chunks):
        assert outcome(data + tail) is Code.VAULT_DAMAGED


def test_a_body_that_is_too_long_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at most"):
        seal(HEADER, MASTER_KEY, Content(1, MARK_KEY, bytes(MAX_BODY_BYTES + 1)))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        pytest.param("version", 0, id="NT-W03-version-0"),
        pytest.param("version", 2, id="NT-W03-version-2"),
        pytest.param("suite", "argon2id/chacha20-poly1305/hmac-sha256", id="NT-W04-suite"),
    ],
)
def test_another_version_or_suite_is_refused_by_name(member: str, value: JsonValue) -> None:
    assert outcome(with_header(SMALL, setting(member, value))) is Code.VAULT_VERSION


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("file_id"), id="no file id"),
        pytest.param(
            lambda header: [without(slot)(header) for slot in ("passphrase", "recovery")], id="no slot"
        ),
        pytest.param(without("passphrase.salt"), id="no salt"),
        pytest.param(setting("passphrase", []), id="slot is a list"),
        pytest.param(setting("passphrase.salt", encode_base64url(bytes(8))), id="NT-W07-salt-of-8-bytes"),
        pytest.param(setting("passphrase.salt", "A" * 21 + "B"), id="salt not canonical"),
        pytest.param(setting("passphrase.nonce", encode_base64url(bytes(12))), id="short nonce"),
        pytest.param(setting("passphrase.wrapped_key", encode_base64url(bytes(32))), id="no tag"),
        pytest.param(setting("passphrase.memory_kib", -1), id="negative memory"),
        pytest.param(setting("passphrase.memory_kib", True), id="memory is true"),
        pytest.param(setting("passphrase.memory_kib", 8.5), id="memory is a fraction"),
        pytest.param(setting("passphrase.lanes", 4), id="unknown member in the slot"),
        pytest.param(setting("comment", "hello"), id="unknown member"),
        pytest.param(setting("version", "1"), id="version is text"),
    ],
)
def test_a_header_in_any_other_form_is_reported_as_damaged(change: Callable[[JsonObject], None]) -> None:
    assert outcome(with_header(SMALL, change)) is Code.VAULT_DAMAGED


def test_a_header_in_another_spelling_or_with_a_repeated_member_is_reported_as_damaged() -> None:
    pieces = take_apart(SMALL)
    for header in (
        b" " + pieces.header,
        pieces.header.replace(b'"version":1', b'"version":1,"version":1'),
        pieces.header + b"\n",
        b"[]",
        b"\xff",
        b"",
    ):
        assert outcome(replace(pieces, header=header).join()) is Code.VAULT_DAMAGED


@pytest.mark.parametrize(
    ("memory_kib", "passes"),
    [
        pytest.param(WEAKEST_ACCEPTED.memory_kib - 1, 2, id="NT-W05-memory-below-the-floor"),
        pytest.param(WEAKEST_ACCEPTED.memory_kib, 1, id="NT-W05-passes-below-the-floor"),
        pytest.param(WEAKEST_ACCEPTED.memory_kib, 0, id="NT-W05-no-pass"),
        pytest.param(0, 3, id="NT-W05-no-memory"),
        pytest.param(TEST_ONLY.memory_kib, TEST_ONLY.passes, id="NT-W05-test-profile"),
        pytest.param(2**32, 3, id="NT-W06-4-TiB"),
        pytest.param(2048 * MIB + 1, 2, id="NT-W06-memory-above-the-ceiling"),
        pytest.param(64 * MIB, 10**9, id="NT-W06-a-billion-passes"),
        pytest.param(64 * MIB, 17, id="NT-W06-passes-above-the-ceiling"),
        pytest.param(2048 * MIB, 5, id="NT-W06-cost-above-the-ceiling"),
        pytest.param(2**53 - 1, 2**53 - 1, id="NT-W06-largest-numbers"),
    ],
)
def test_a_key_derivation_beyond_the_bounds_is_refused_before_memory_is_taken(
    memory_kib: int, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nacl.bindings, "crypto_pwhash_alg", pytest.fail)
    data = with_header(SMALL, setting("passphrase.memory_kib", memory_kib))
    data = with_header(data, setting("passphrase.passes", passes))
    assert refusal_of(lambda: unseal(data, weakest_kdf=WEAKEST_ACCEPTED)).code is Code.VAULT_PARAMETERS


def test_the_test_profile_opens_only_where_it_is_named(place: Place) -> None:
    error = refusal_of(lambda: SealedFile.open(place.path, PASSPHRASE, mark_folder=place.marks))
    assert error.code is Code.VAULT_PARAMETERS


def test_a_file_is_not_made_with_a_derivation_that_nobody_would_open(tmp_path: Path) -> None:
    error = refusal_of(lambda: Place(tmp_path).create(kdf=KdfParameters(4096 * MIB, 3)))
    assert error.code is Code.VAULT_PARAMETERS


def test_too_little_memory_for_the_derivation_is_reported(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> bytes:
        raise nacl.exceptions.RuntimeError

    monkeypatch.setattr(nacl.bindings, "crypto_pwhash_alg", fail)
    assert refusal_of(place.open).code is Code.VAULT_PARAMETERS


@pytest.mark.parametrize(
    ("seconds", "free_mib", "expected"),
    [
        pytest.param(0.1, 8192, MODERATE, id="a fast machine"),
        pytest.param(0.4, 8192, KdfParameters(128 * MIB, 3), id="an ordinary machine"),
        pytest.param(3.0, 8192, INTERACTIVE, id="a slow machine"),
        pytest.param(0.1, 600, KdfParameters(128 * MIB, 3), id="a machine with little memory"),
        pytest.param(0.1, 100, INTERACTIVE, id="a machine with less"),
    ],
)
def test_calibration_finds_what_takes_a_second(
    seconds: float, free_mib: int, expected: KdfParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nacl.bindings, "crypto_pwhash_alg", lambda *_arguments: bytes(32))
    monkeypatch.setattr(os, "sysconf", {"SC_AVPHYS_PAGES": free_mib * 256, "SC_PAGE_SIZE": 4096}.get)
    assert calibrate_kdf(iter([0.0, seconds]).__next__) == expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(setting("passphrase.salt", encode_base64url(bytes(16))), id="NT-W07-salt"),
        pytest.param(setting("passphrase.memory_kib", 16), id="NT-W07-memory"),
        pytest.param(setting("passphrase.passes", 2), id="NT-W07-passes"),
        pytest.param(setting("passphrase.nonce", encode_base64url(bytes(24))), id="nonce"),
        pytest.param(setting("passphrase.wrapped_key", encode_base64url(bytes(48))), id="wrapped key"),
        pytest.param(setting("file_id", encode_base64url(bytes(16))), id="NT-W12-file-id"),
    ],
)
def test_an_altered_slot_opens_nothing(change: Callable[[JsonObject], None]) -> None:
    assert outcome(with_header(SMALL, change)) is Code.PASSPHRASE_WRONG


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Correct horse battery staple", id="NT-W08-wrong"),
        pytest.param("", id="NT-W08-empty"),
        pytest.param("x" * (1 << 20), id="NT-W08-a-megabyte"),
        pytest.param("ﷺ" * 100, id="NT-W08-long-after-normalization"),
        pytest.param("\ud800", id="NT-W08-surrogate"),
        pytest.param(PASSPHRASE.text + "\x00", id="NT-W08-null-appended"),
        pytest.param(PASSPHRASE.text + " ", id="NT-W08-space-appended"),
    ],
)
def test_a_wrong_passphrase_is_refused(place: Place, text: str) -> None:
    assert refusal_of(lambda: place.open(Passphrase(text))).code is Code.PASSPHRASE_WRONG


@row("NT-W09")
def test_no_file_counts_attempts_that_somebody_could_edit(place: Place) -> None:
    before = {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    for _ in range(10):
        assert refusal_of(lambda: place.open(Passphrase("wrong"))).code is Code.PASSPHRASE_WRONG
    assert before == {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    assert place.body() == b"one"


def test_a_file_is_not_made_with_an_empty_passphrase(place: Place) -> None:
    with place.open() as opened:
        error = refusal_of(lambda: opened.change_passphrase(Passphrase(""), kdf=TEST_ONLY))
    assert error.code is Code.PASSPHRASE_WRONG


@pytest.mark.parametrize(
    ("made_with", "opened_with"),
    [
        pytest.param("Zürich", "Zu\u0308rich", id="NT-W08-composed-and-decomposed"),
        pytest.param("Zu\u0308rich", "Zürich", id="NT-W08-decomposed-and-composed"),
        pytest.param("ﬁve", "five", id="NT-W08-ligature"),
        pytest.param("１２３４", "1234", id="NT-W08-full-width"),
    ],
)
def test_the_same_passphrase_from_another_keyboard_opens_it(
    place: Place, made_with: str, opened_with: str
) -> None:
    with place.open() as opened:
        opened.change_passphrase(Passphrase(made_with), kdf=TEST_ONLY)
    assert place.body(Passphrase(opened_with)) == b"one"


@pytest.mark.parametrize(
    "count", [1000, pytest.param(200_000, marks=pytest.mark.stress)], ids="NT-W15-{}-saves".format
)
def test_no_save_uses_a_nonce_again(count: int) -> None:
    seen = {take_apart(seal(HEADER, MASTER_KEY, Content(1, MARK_KEY, b""))).stream[:24] for _ in range(count)}
    assert len(seen) == count


def test_no_new_passphrase_uses_a_salt_or_a_nonce_again(place: Place) -> None:
    seen: set[str] = set()
    with place.open() as opened:
        for _ in range(20):
            opened.change_passphrase(PASSPHRASE, kdf=TEST_ONLY)
            slot = parse_json_object(take_apart(place.path.read_bytes()).header)["passphrase"]
            assert isinstance(slot, dict)
            seen |= {slot["salt"], slot["nonce"]}  # type: ignore[arg-type]
    assert len(seen) == 40


def forgeries() -> dict[str, bytes]:
    """Files joined from genuine parts, by somebody who knows the passphrase of none."""
    other_key = create_master_key()
    other_header = create_header(
        other_key, file_id=b"g" * 16, passphrase=PASSPHRASE, kdf=TEST_ONLY, recovery_key=None
    )
    other = take_apart(seal(other_header, other_key, CONTENT))
    later = take_apart(seal(HEADER, MASTER_KEY, Content(8, MARK_KEY, CONTENT.body)))
    new_slot = create_header(
        MASTER_KEY, file_id=FILE_ID, passphrase=PASSPHRASE, kdf=TEST_ONLY, recovery_key=None
    )
    changed = take_apart(seal(new_slot, MASTER_KEY, CONTENT))
    this = take_apart(LARGE)
    head = this.stream[:24]
    first, second, last = (this.stream[24:][n * SEALED_CHUNK :][:SEALED_CHUNK] for n in range(3))
    no_recovery = take_apart(with_header(LARGE, lambda header: header.__delitem__("recovery")))
    return {
        "NT-W16-mac-of-zeros": replace(this, header_mac=bytes(32)).join(),
        "NT-W16-mac-left-out": replace(this, header_mac=b"").join(),
        "NT-W16-mac-of-another-file": replace(this, header_mac=other.header_mac).join(),
        "NT-W11-body-of-another-file": replace(this, stream=other.stream).join(),
        "NT-W11-body-under-another-header": replace(changed, stream=this.stream).join(),
        "NT-W16-header-of-another-passphrase": replace(
            changed, header_mac=this.header_mac, stream=this.stream
        ).join(),
        "NT-W12-stream-header-of-another": replace(this, stream=later.stream[:24] + this.stream[24:]).join(),
        "NT-W14-last-chunk-of-another-save": replace(
            this, stream=head + first + second + later.stream[24 + 2 * SEALED_CHUNK :]
        ).join(),
        "NT-W10-chunks-swapped": replace(this, stream=head + second + first + last).join(),
        "NT-W13-chunk-repeated": replace(this, stream=head + first + first + second + last).join(),
        "NT-W13-first-chunk-left-out": replace(this, stream=head + second + last).join(),
        "NT-W13-middle-chunk-left-out": replace(this, stream=head + first + last).join(),
        "NT-W13-last-chunk-left-out": replace(this, stream=head + first + second).join(),
        "NT-W13-no-chunk": replace(this, stream=head).join(),
        "NT-W16-no-stream": replace(this, stream=b"").join(),
        "NT-W16-recovery-slot-left-out": no_recovery.join(),
    }


@pytest.mark.parametrize("name", forgeries())
def test_parts_of_genuine_files_do_not_make_another_one(name: str) -> None:
    assert outcome(forgeries()[name]) is Code.VAULT_DAMAGED


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(48), id="not padded"),
        pytest.param(bytes(40) + (5000).to_bytes(8) + bytes(4048), id="length beyond the end"),
        pytest.param(bytes(40) + (3).to_bytes(8) + b"abc\x01" + bytes(4044), id="padding not zero"),
        pytest.param(bytes(40) + (3).to_bytes(8) + b"abc" + bytes(4301), id="padded too far"),
    ],
)
def test_a_frame_that_no_writer_makes_is_refused(frame: bytes) -> None:
    parts = parse_sealed(SMALL)
    bindings = nacl.bindings
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    stream_key = expand_key(MASTER_KEY.raw, b"body", FILE_ID)
    stream_header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, stream_key)
    chunk = bindings.crypto_secretstream_xchacha20poly1305_push(
        state,
        frame,
        FILE_ID + parts.header_mac,
        bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    )
    pieces = replace(take_apart(SMALL), stream=stream_header + chunk)
    assert outcome(pieces.join()) is Code.VAULT_DAMAGED


@pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.stress)], ids="NT-W18-{}-bits".format)
def test_a_flipped_bit_anywhere_is_reported(
    bits: int, record_property: Callable[[str, object], None]
) -> None:
    outcomes: dict[Content | Code, int] = {}
    for position in range(len(SMALL)):
        for bit in range(bits):
            data = bytearray(SMALL)
            data[position] ^= 1 << (position % 8 if bits == 1 else bit)
            found = outcome(bytes(data))
            outcomes[found] = outcomes.get(found, 0) + 1
    assert outcomes == {Code.VAULT_DAMAGED: len(SMALL) * bits}
    record_property("bits flipped in a vault", len(SMALL) * bits)


def test_a_flipped_bit_in_the_newest_generation_never_opens_the_one_before_silently(place: Place) -> None:
    with place.open() as opened:
        opened.save(b"two")
    good = place.path.read_bytes()
    for position in range(0, len(good), 41):
        data = bytearray(good)
        data[position] ^= 4
        place.path.write_bytes(data)
        assert refusal_of(place.open).code is Code.VAULT_ROLLBACK


@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 4097, 65_535, 65_536, 1_000_003, 50_000_000])
def test_padding_hides_the_length_and_costs_at_most_a_sixteenth(length: int) -> None:
    padded = padded_length(length)
    assert length <= padded <= max(4096, length * 17 // 16 + 1)
    assert padded_length(padded) == padded


@pytest.mark.parametrize(
    "damage",
    ["wrong passphrase", "altered header", "altered first", "altered last"],
    ids="NT-W30-{}".format,
)
def test_no_secret_shows_in_a_traceback_with_local_variables(tmp_path: Path, damage: str) -> None:
    place = Place(tmp_path)
    place.keep(b"CANARY" * 20_000)
    data = place.path.read_bytes()
    master_key = open_slot(parse_sealed(data).header, PASSPHRASE, weakest_kdf=TEST_ONLY)
    pieces, secret = take_apart(data), PASSPHRASE
    match damage:
        case "wrong passphrase":
            secret = Passphrase("incorrect horse battery staple")
        case "altered header":
            pieces = replace(pieces, header_mac=bytes(32))
        case "altered first":
            pieces = replace(pieces, stream=pieces.stream[:100] + b"x" + pieces.stream[101:])
        case _:
            pieces = replace(pieces, stream=pieces.stream[:-1] + b"x")
    place.path.write_bytes(pieces.join())
    with pytest.raises(TallyError) as refusal:
        place.open(secret)
    shown = "".join(traceback.TracebackException.from_exception(refusal.value, capture_locals=True).format())
    # The test's own frame holds the canaries; everything below it is the program's.
    shown = shown[shown.index("storage/sealed_file.py") :]
    assert "weakest_kdf" in shown, "locals are shown"
    for canary in ("CANARY", "horse battery", repr(master_key.raw)[2:-1], master_key.raw.hex()):
        assert canary not in shown

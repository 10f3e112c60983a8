import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doors.exit_code import ExitCode
from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.multikey import encode_multikey
from tests.processes import ROOT
from tests.wallet.holder import ENTROPY, Holder
from tests.wallet.parties import DEGREE, HOSTILE, signed
from wallet.activity import parse_since, select_activity
from wallet.activity_export import (
    MAX_ENTRIES,
    create_activity_export,
    export_key,
    verify_activity_export,
)
from wallet.content import ActivityEntry, ActivityKind, WalletContent

SHELF = ROOT / "tests" / "vectors" / "activity-export"
VECTOR = (SHELF / "v1.json").read_bytes()
CONTEXT = b"tallystick activity export v1\n"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHOP, SCHOOL = (
    "decentralized_identifier:did:webvh:x:ledger.example:Northgate",
    "did:webvh:x:ledger.example:school",
)
KEY = Ed25519PrivateKey(bytes(range(32)))


def history(*entries: ActivityEntry) -> WalletContent:
    content = WalletContent(entropy=ENTROPY, next_key_index=0, activity=entries)
    return content.with_party_seen(SHOP, name="Nordtor Kino", presented=True, now=NOW)


RECEIVED = ActivityEntry(
    time=NOW - timedelta(days=40),
    kind=ActivityKind.RECEIVED,
    party=SCHOOL,
    credential_type="urn:x",
    claim_names=(("a",),),
)
SHOWN = ActivityEntry(
    time=NOW - timedelta(days=3, microseconds=7),
    kind=ActivityKind.PRESENTED,
    party=SHOP,
    credential_type="urn:x",
    claim_names=(("a",), ("b", 0, None)),
    purpose="To see 🎓",
    retention=timedelta(days=30),
    outcome=Code.RESPONSE_REFUSED,
)
CONTENT = history(RECEIVED, SHOWN)


def export(
    content: WalletContent = CONTENT, party: str | None = None, since: datetime | None = None
) -> bytes:
    return create_activity_export(content, party=party, since=since, now=NOW)


def signed_again(document: dict[str, Any], key: Ed25519PrivateKey = KEY) -> bytes:
    """A file with `document`, whatever it says, that `key` has properly signed."""
    document = {**document, "key": document.get("key", encode_multikey(key.public_key))}
    document.pop("signature", None)
    signature = key.sign(CONTEXT + canonicalize(document))
    return canonicalize({**document, "signature": encode_base64url(signature)})


def good() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(export())
    del document["key"]
    return document


def test_file_of_version_1_is_verified_for_good() -> None:
    exported = verify_activity_export(VECTOR)
    assert exported.key == export_key(replace(CONTENT, entropy=bytes(32)))
    assert (exported.party, exported.since) == (None, datetime(2026, 11, 1, tzinfo=UTC))
    received, shown = exported.entries
    assert received.claim_names == (("given_name",), ("degrees", 0, "title"), ("nationalities", None))
    assert (shown.name, shown.retention) == ("Größe & “Söhne” 🎓", timedelta(days=30))
    assert shown.outcome == "presentation_unconfirmed"


def test_export_comes_back_as_it_was() -> None:
    exported = verify_activity_export(export())
    assert exported.key == export_key(CONTENT)
    assert (exported.exported_at, exported.party, exported.since) == (NOW, None, None)
    received, shown = exported.entries
    assert (received.kind, received.party, received.name) == (ActivityKind.RECEIVED, SCHOOL, None)
    assert (shown.party, shown.name, shown.outcome) == (SHOP, "Nordtor Kino", "response_refused")
    assert shown.time == SHOWN.time.replace(microsecond=0)
    assert (shown.claim_names, shown.purpose) == (SHOWN.claim_names, SHOWN.purpose)


def test_export_of_nothing_is_an_export() -> None:
    assert verify_activity_export(export(history())).entries == ()


def test_export_says_what_it_leaves_out() -> None:
    exported = verify_activity_export(export(party="NORDTOR", since=NOW - timedelta(days=30)))
    assert [entry.party for entry in exported.entries] == [SHOP]
    assert (exported.party, exported.since) == ("NORDTOR", NOW - timedelta(days=30))
    assert verify_activity_export(export(party="")).party is None


def test_signature_of_our_own_tests_is_one() -> None:
    assert verify_activity_export(signed_again(good())).key == KEY.public_key


def changed(**members: Any) -> bytes:
    return signed_again({**good(), **members})


def entry(**members: Any) -> bytes:
    document = good()
    document["entries"][1] |= members
    return signed_again(document)


def without(name: str, *, of_entry: bool = False) -> bytes:
    document = good()
    del (document["entries"][1] if of_entry else document)[name]
    return signed_again(document)


BROKEN = {
    "empty": b"",
    "an array": b"[]",
    "a line feed behind": export() + b"\n",
    "a blank inside": export().replace(b'"version":1', b'"version": 1'),
    "another order": b'{"version":1,' + export()[1:].replace(b',"version":1', b""),
    "a name twice": export().replace(b'"version":1', b'"version":1,"version":1'),
    "an escape that is not needed": export().replace(b'"presented"', b'"\\u0070resented"'),
    "of another format": changed(format="tallystick-history"),
    "of another version": changed(version=2),
    "version as text": changed(version="1"),
    "no version": without("version"),
    "no time": without("exported_at"),
    "time with an offset": changed(exported_at="2026-11-22T12:00:00+00:00"),
    "time with a fraction": changed(exported_at="2026-11-22T12:00:00.5Z"),
    "an unknown member": changed(more=1),
    "no selection": without("selection"),
    "selection without a member": changed(selection={"party": None}),
    "selection with a member more": changed(selection={"party": None, "since": None, "until": None}),
    "selection by an empty text": changed(selection={"party": "", "since": None}),
    "entries that are none": changed(entries=[1]),
    "too many entries": changed(entries=[{}] * (MAX_ENTRIES + 1)),
    "an unknown kind": entry(kind="forgotten"),
    "an unknown member of an entry": entry(value="1990-01-01"),
    "no party": entry(party=None),
    "no name": without("name", of_entry=True),
    "no type": without("type", of_entry=True),
    "claims that are no paths": entry(claims=["title"]),
    "an empty path": entry(claims=[[]]),
    "a negative retention": entry(retention_seconds=-1),
    "an endless retention": entry(retention_seconds=2**53 - 1),
    "retention as text": entry(retention_seconds="0"),
    "outcome as number": entry(outcome=3),
    "a key of another kind": changed(key=encode_multikey(P256PrivateKey(bytes([1]) * 32).public_key)),
    "a key of small order": changed(key="z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP"),
    "signature with padding": canonicalize({**json.loads(export()), "signature": "AA=="}),
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_file_that_no_writer_would_write_is_refused_although_it_is_signed(data: bytes) -> None:
    with pytest.raises(MalformedError) as refusal:
        verify_activity_export(data)
    assert refusal.value.code is Code.ACTIVITY_EXPORT_INVALID


def tampered(change: Any) -> bytes:
    document = json.loads(export())
    change(document)
    return canonicalize(document)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(tampered(lambda it: it["entries"].pop()), id="a line removed"),
        pytest.param(tampered(lambda it: it["entries"].append(it["entries"][0])), id="a line repeated"),
        pytest.param(tampered(lambda it: it["entries"].reverse()), id="another order"),
        pytest.param(tampered(lambda it: it["entries"][1]["claims"].pop()), id="a claim removed"),
        pytest.param(tampered(lambda it: it["entries"][1].update(name=None)), id="a name removed"),
        pytest.param(tampered(lambda it: it.update(exported_at="2026-11-22T12:00:01Z")), id="another time"),
        pytest.param(tampered(lambda it: it["selection"].update(party="x")), id="another selection"),
        pytest.param(tampered(lambda it: it.update(key=encode_multikey(KEY.public_key))), id="another key"),
        pytest.param(
            tampered(lambda it: it.update(signature=encode_base64url(bytes(64)))), id="no signature"
        ),
        pytest.param(tampered(lambda it: it.update(signature=encode_base64url(bytes(63)))), id="a short one"),
    ],
)
def test_change_of_anything_is_noticed(data: bytes) -> None:
    with pytest.raises(VerificationError) as refusal:
        verify_activity_export(data)
    assert refusal.value.code is Code.SIGNATURE_INVALID


def test_signature_for_another_purpose_does_not_count() -> None:
    document = {**good(), "key": encode_multikey(KEY.public_key)}
    document.pop("signature")
    bare = encode_base64url(KEY.sign(canonicalize(document)))
    with pytest.raises(VerificationError):
        verify_activity_export(canonicalize({**document, "signature": bare}))


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    damaged = bytearray(VECTOR)
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TallyError) as refusal:
        verify_activity_export(bytes(damaged))
    assert refusal.value.code in (Code.ACTIVITY_EXPORT_INVALID, Code.SIGNATURE_INVALID)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(VECTOR))), _JSON)
def test_any_other_value_of_a_member_is_refused(name: str, value: Any) -> None:
    try:
        data = canonicalize({**json.loads(VECTOR), name: value})
    except MalformedError:
        return  # no JSON of ours could hold it
    if data == VECTOR:
        return
    with pytest.raises(TallyError) as refusal:
        verify_activity_export(data)
    assert refusal.value.code in (Code.ACTIVITY_EXPORT_INVALID, Code.SIGNATURE_INVALID)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_ENTRIES = st.builds(
    ActivityEntry,
    time=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    kind=st.sampled_from(ActivityKind),
    party=_TEXTS,
    credential_type=st.none() | _TEXTS,
    claim_names=st.lists(
        st.lists(_TEXTS | st.integers(0, 9) | st.none(), min_size=1, max_size=3).map(tuple), max_size=3
    ).map(tuple),
    purpose=st.none() | _TEXTS,
    retention=st.none() | st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds)),
    outcome=st.none() | st.sampled_from(Code),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(_ENTRIES, max_size=4))
def test_any_history_can_be_exported_and_verified(entries: list[ActivityEntry]) -> None:
    exported = verify_activity_export(export(history(*entries)))
    assert [line.party for line in exported.entries] == [line.party for line in entries]
    assert [line.claim_names for line in exported.entries] == [line.claim_names for line in entries]


def test_page_of_the_format_names_every_kind_and_every_member() -> None:
    page = (ROOT / "docs" / "formats" / "activity-export.md").read_text("utf-8")
    members = [*json.loads(VECTOR), *json.loads(VECTOR)["entries"][0], *json.loads(VECTOR)["selection"]]
    assert [word for word in (*members, *ActivityKind) if f"`{word}`" not in page] == []


@pytest.mark.parametrize(
    ("party", "since", "chosen"),
    [
        (None, None, [RECEIVED, SHOWN]),
        ("", None, [RECEIVED, SHOWN]),
        ("northGATE", None, [SHOWN]),
        ("nordtor", None, [SHOWN]),
        ("ledger.example", None, [RECEIVED, SHOWN]),
        ("nobody", None, []),
        (None, NOW - timedelta(days=30), [SHOWN]),
        (None, SHOWN.time, [SHOWN]),
        ("school", NOW - timedelta(days=30), []),
    ],
)
def test_lines_are_chosen_by_party_and_time(
    party: str | None, since: datetime | None, chosen: list[ActivityEntry]
) -> None:
    selected = select_activity(CONTENT, party=party, since=since)
    assert [line for line, _ in selected] == chosen
    assert {name for line, name in selected if line is SHOWN} <= {"Nordtor Kino"}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", NOW - timedelta(hours=12)),
        ("30d", NOW - timedelta(days=30)),
        ("4w", NOW - timedelta(weeks=4)),
        ("0d", NOW),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_time_is_read_as_people_give_it(text: str, moment: datetime) -> None:
    assert parse_since(text, now=NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "-3d", "3 d", "3m", "99999w ", "100000d", "2026-02-30", "2026-11", "20261101", "٣d"],
)
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_since(text, now=NOW)
    assert refusal.value.code is Code.USAGE_INVALID


def test_time_before_all_time_is_wrong_usage() -> None:
    with pytest.raises(RefusedError):
        parse_since("99999w", now=datetime(3, 1, 1, tzinfo=UTC))


@pytest.fixture
def busy(holder: Holder) -> Holder:
    """A holder who got a degree and showed it once."""
    assert holder.run("add", holder.outside.offer(), "--yes").status == 0
    assert holder.run("present", signed(), "--yes").status == 0
    return holder


def test_history_is_listed_by_party_and_by_time(busy: Holder) -> None:
    def kinds(*flags: str) -> list[str]:
        return [each["kind"] for each in busy.run("activity", *flags, "--json").json["activity"]]

    assert kinds() == kinds("list") == ["presented", "received"]
    assert kinds("--party", "northgate") == ["presented"]
    assert kinds("list", "--party", "CITY-university", "--since", "2w") == ["received"]
    assert kinds("--since", "2026-11-23") == []
    assert "Nothing of that kind" in busy.run("activity", "--party", "nobody").stderr
    wrong = busy.run("activity", "--since", "yesterday")
    assert wrong.status == ExitCode.USAGE
    assert "such as 30d" in wrong.stderr


def test_export_is_written_once_and_verified_as_ones_own(busy: Holder, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    made = busy.run("activity", "export", str(file), "--party", "northgate", "--json")
    assert made.json == {"file": str(file), "entries": 1, "key": made.json["key"]}
    assert file.stat().st_mode & 0o777 == 0o600
    again = busy.run("activity", "export", str(file), "--json")
    assert (again.status, again.error) == (ExitCode.FAILURE, "vault_exists")
    checked = busy.run("activity", "verify", str(file), "--json")
    assert (checked.status, checked.json) == (
        0,
        {
            "valid": True,
            "key": made.json["key"],
            "own": True,
            "exported_at": "2026-11-22T12:00:00Z",
            "party": "northgate",
            "since": None,
            "entries": 1,
        },
    )
    told = busy.run("activity", "verify", str(file)).stdout
    assert "✓ Whole and unchanged: 1 line" in told
    assert "only with parties that have “northgate” in name or address" in told
    assert "✓ Your wallet signed it." in told


def test_export_never_holds_a_value(busy: Holder, tmp_path: Path) -> None:
    assert busy.run("activity", "export", str(tmp_path / "history.json")).status == 0
    text = (tmp_path / "history.json").read_text("utf-8")
    values = [value for value in DEGREE.example.values() if isinstance(value, str) and len(value) > 3]
    assert values
    assert [value for value in values if value in text] == []


def test_export_of_another_wallet_is_whole_but_not_ones_own(busy: Holder, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_bytes(VECTOR)
    assert busy.run("activity", "verify", str(file), "--json").json["own"] is False
    told = busy.run("activity", "verify", str(file)).stdout
    assert "! Another wallet signed it." in told
    assert "only from 2026-11-01T00:00:00Z on" in told


def test_export_is_verified_without_any_wallet(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_bytes(VECTOR)
    nobody = Holder(tmp_path / "home")
    nobody.home.mkdir(mode=0o700)
    checked = nobody.run("activity", "verify", str(file), "--json")
    assert (checked.status, checked.json["own"]) == (0, None)
    assert "your wallet was not asked" in nobody.run("activity", "verify", str(file)).stderr
    assert not nobody.folder.path.exists()


def test_wallet_that_does_not_open_leaves_the_check_good(busy: Holder, tmp_path: Path) -> None:
    file, wrong = tmp_path / "history.json", tmp_path / "wrong"
    file.write_bytes(VECTOR)
    wrong.touch(mode=0o600)
    wrong.write_text("not the passphrase\n")
    checked = busy.run("activity", "verify", str(file), "--passphrase-file", str(wrong))
    assert checked.status == 0
    assert Code.PASSPHRASE_WRONG.meaning in checked.stderr


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (VECTOR.replace(b"presented", b"declined"), ExitCode.NOT_VALID, "signature_invalid"),
        (VECTOR + b" ", ExitCode.NOT_VALID, "activity_export_invalid"),
        (b"hello", ExitCode.NOT_VALID, "activity_export_invalid"),
        (None, ExitCode.USAGE, "usage_invalid"),
    ],
    ids=["changed", "another spelling", "text", "missing"],
)
def test_bad_export_ends_with_the_number_for_it(
    holder: Holder, tmp_path: Path, data: bytes | None, status: ExitCode, code: str
) -> None:
    file = tmp_path / "history.json"
    if data is not None:
        file.write_bytes(data)
    checked = holder.run("activity", "verify", str(file), "--json")
    assert (checked.status, checked.error) == (status, code)
    assert checked.stdout == ""


def test_words_of_strangers_in_an_export_are_shown_harmlessly(holder: Holder, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_bytes(export(party=HOSTILE))
    told = holder.run("activity", "verify", str(file)).stdout
    assert "\x1b" not in told
    assert "\u202e" not in told

"""Records that somebody signs, for tests: three institutions and a stranger, and what they say."""

from datetime import UTC, datetime, timedelta

from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.keys import Ed25519PrivateKey
from protocol.records import SignedRecord, parse_record
from protocol.records.accreditation import AccreditationRecord, Action, create_accreditation
from protocol.records.signed import Signer, sign_record
from tests.ledger.world import KEY, NOW, create

ROOT, MIDDLE, SCHOOL, STRANGER = (create(name) for name in ("root", "middle", "school", "stranger"))
NAMES = (ROOT, MIDDLE, SCHOOL, STRANGER)
ROOT_DID, MIDDLE_DID, SCHOOL_DID, STRANGER_DID = (entry.version.did for entry in NAMES)
DEGREE, DIPLOMA = "https://types.example/degree", "https://types.example/diploma"
BEGIN, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC)
BOTH = (Action.ACCREDIT, Action.ISSUE)


def signer(did: str, key: Ed25519PrivateKey = KEY, fragment: str = "key-1") -> Signer:
    return Signer(did, key, f"{did}#{fragment}")


def accreditation(
    by: str,
    accredited: str,
    *,
    actions: tuple[Action, ...] = (Action.ISSUE,),
    types: tuple[str, ...] = (DEGREE,),
    depth: int | None = None,
    valid_from: datetime = BEGIN,
    valid_until: datetime = END,
    under: AccreditationRecord | bytes | None = None,
    time: datetime = NOW,
) -> AccreditationRecord:
    return create_accreditation(
        accredited,
        signer=signer(by),
        actions=actions,
        types=types,
        depth=depth,
        valid_from=valid_from,
        valid_until=valid_until,
        under=under.leaf_hash if isinstance(under, AccreditationRecord) else under,
        time=time,
    )


def signed(by: Signer, time: datetime = NOW, **members: object) -> bytes:
    """A record with right proof, whatever its content."""
    return sign_record(parse_json_object(canonicalize(members)), signer=by, time=time)  # type: ignore[arg-type]


def altered(record: SignedRecord, **members: object) -> bytes:
    """`record` with other members, and the proof it had; a member of None is taken away."""
    source: JsonObject = {**parse_json_object(record.leaf), **members}  # type: ignore[dict-item]
    return canonicalize({name: value for name, value in source.items() if value is not None})


def resigned(record: SignedRecord, by: Signer, time: datetime = NOW, **members: object) -> bytes:
    """`record` with other members, signed again; a member of None is taken away."""
    source = parse_json_object(altered(record, proof=None, by=None, time=None, **members))
    return sign_record(source, signer=by, time=time)


def reread(leaf: bytes) -> SignedRecord:
    record = parse_record(leaf)
    assert isinstance(record, SignedRecord)
    return record


TOP = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, types=(DEGREE, DIPLOMA), depth=1)
BELOW = accreditation(MIDDLE_DID, SCHOOL_DID, under=TOP)
LATER = NOW + timedelta(days=1)

"""What a verifier believes: `policy.toml`, edited by its owner.

    development = true          # http on *.localhost, for trying things out

    [[ledger]]                  # a ledger whose DIDs are looked up
    policy = '''
    log ledger.localhost:8101+… http://ledger.localhost:8101
    …
    '''

    [[trust]]
    type = "degree"             # or vct = "urn:…"
    issuers = ["did:webvh:…"]
    accredited_by = ["did:webvh:…"]     # and every issuer that one of these accredits for it

    [rules]
    status = "required"

A verifier decides by this file, so whatever in it could mean less than its owner thinks is refused: an
unknown word, a DID that is none, a type that does not exist.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ledger.trust import TrustedLedgers, encode_trusted_ledgers, take_trusted_ledgers
from protocol.codes import Code
from protocol.did.jwk import resolve_did_jwk
from protocol.did.key import resolve_did_key
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.policy import AccreditationRule, KeyBindingRule, StatusRule, VerificationPolicy
from schemas import credential_type, credential_types
from storage.atomic_file import Folder
from storage.toml_table import TomlTable, parse_toml, quote_toml, suggestion
from verifier.handed_in import EvidenceSource

FILE = "policy.toml"

_LOCK = ".policy.lock"
_MAX_BYTES = 1 << 20
_MAX_SKEW = 10 * 60
_DAY = 24 * 60 * 60
_DEFAULTS = VerificationPolicy(trusted_issuers={})
_TEMPLATE = f"""\
# What this verifier believes. `tally verifier trust TYPE DID` adds an issuer. Changes count at once.
{{ledgers}}
# [[trust]]                     # which issuers count for which type
# type = "degree"               # or vct = "urn:…", for a type that does not come with Tallystick
# issuers = ["did:webvh:…"]
# accredited_by = ["did:webvh:…"]     # and every issuer that one of these accredits for it

[rules]
key_binding = "{_DEFAULTS.key_binding}"    # or "not_required": a copy of a credential will do
accreditation = "{_DEFAULTS.accreditation}"  # or "when_checked": it must not have ended since either
status = "{_DEFAULTS.status}"       # or "required", or "when_reachable": an unknown status is let pass
evidence = "{EvidenceSource.FETCHED}"          # or "either", or "stapled": what the wallet brings along
expiry_required = false
clock_skew_seconds = {_DEFAULTS.clock_skew.seconds}
key_binding_max_age_seconds = {_DEFAULTS.key_binding_max_age.seconds}
evidence_max_age_seconds = {_DEFAULTS.evidence_max_age.seconds}   # how old a ledger's co-signed state may be
offline_evidence_max_age_seconds = {int(_DEFAULTS.offline_evidence_max_age.total_seconds())}   # if handed in
"""
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRUST = """
[[trust]]
{kind} = {name}
{whom} = [{did}]
"""


@dataclass(frozen=True, slots=True)
class VerifierPolicy:
    """What policy.toml says: where DIDs are looked up, what must hold for a credential to count, and who is
    asked about it.
    """

    ledgers: TrustedLedgers
    rules: VerificationPolicy
    evidence: EvidenceSource


def parse_policy(source: str | bytes) -> VerifierPolicy:
    """Read `policy.toml`.

    Raises:
        RefusedError: POLICY_INVALID; the detail names the place.
    """
    top = parse_toml(source, file=FILE, code=Code.POLICY_INVALID)
    ledgers = take_trusted_ledgers(top)
    trusted: dict[str, frozenset[str]] = {}
    roots: dict[str, frozenset[str]] = {}
    for table in top.tables("trust"):
        vct, issuers, accredited_by = _parse_trust(table, ledgers)
        for dids, known in ((issuers, trusted), (accredited_by, roots)):
            if dids is not None:
                known[vct] = known.get(vct, frozenset()) | dids
    table = top.table("rules")
    evidence = table.choice("evidence", default=EvidenceSource.FETCHED)
    rules = _parse_rules(table, trusted, roots)
    top.end()
    return VerifierPolicy(ledgers, rules, evidence)


def load_policy(path: Path) -> VerifierPolicy:
    """Read the policy in the file `path`.

    Raises:
        RefusedError: it cannot be used, or there is none.
    """
    try:
        return parse_policy(path.read_bytes())
    except FileNotFoundError as error:
        raise RefusedError(Code.NOT_INITIALIZED, f"{path.name} is missing") from error


def encode_policy(ledgers: TrustedLedgers) -> str:
    """A new policy that trusts `ledgers`, and no issuer yet."""
    return _TEMPLATE.format(ledgers=encode_trusted_ledgers(ledgers))


def trust_issuer(path: Path, type_name: str, did: str, *, as_root: bool = False) -> bool:
    """Let the issuer `did` count for a type, given by its name or its vct; whether it did not before.

    With `as_root` it is not the issuer, but accredits those who count.

    A table is added to the end of the file, so that everything its owner wrote stays as it is.

    Raises:
        RefusedError: there is no such type, or the file cannot be used as it is, or another process changes
            it at the moment.
        MalformedError, VerificationError: not a DID that can be looked up here.
    """
    policy = load_policy(path)
    find_vct(type_name)
    if as_root:
        policy.ledgers.ledger_of(did)
    else:
        _check_did(did)
    kind = "vct" if ":" in type_name else "type"
    whom = "accredited_by" if as_root else "issuers"
    block = _TRUST.format(kind=kind, name=quote_toml(type_name), whom=whom, did=quote_toml(did))
    with Folder(path.parent, private=False) as folder:
        lock = folder.take_lock(_LOCK)
        try:
            text = decode_utf8(folder.read(path.name, max_bytes=_MAX_BYTES)).rstrip()
            longer = f"{text}\n{block}"
            if parse_policy(text) == parse_policy(longer):
                return False
            folder.replace(path.name, longer.encode())
        finally:
            os.close(lock)
    return True


def find_vct(type_name: str) -> str:
    """The vct of a type, given by its name or by the vct itself.

    Raises:
        RefusedError: there is no type of this name.
    """
    # What was typed in another encoding than the terminal's is the name of nothing.
    if ":" in type_name and not _SURROGATE.search(type_name):
        return type_name
    try:
        return credential_type(type_name).vct
    except RefusedError as error:
        known = [known.name for known in credential_types()]
        raise RefusedError(error.code, f"{type_name[:80]!r}{suggestion(type_name, known)}") from error


def _parse_trust(
    table: TomlTable, ledgers: TrustedLedgers
) -> tuple[str, frozenset[str] | None, frozenset[str] | None]:
    """The vct, the issuers, and who accredits issuers; either of the two is None where nothing is said."""
    name, vct = table.optional_text("type"), table.optional_text("vct")
    accredited_by = table.optional_texts("accredited_by")
    issuers = table.texts("issuers") if accredited_by is None else table.optional_texts("issuers")
    table.end()
    if (name is None) is (vct is None):
        table.refuse("type", "or vct: exactly one of the two")
    _check_dids(table, "issuers", issuers, _check_did)
    # One that lives nowhere we look could never lead to anybody.
    _check_dids(table, "accredited_by", accredited_by, ledgers.ledger_of)
    if vct is None:
        try:
            vct = find_vct(name or "")
        except RefusedError as error:
            table.refuse("type", f"is unknown: {error.detail}")
    return (
        vct,
        None if issuers is None else frozenset(issuers),
        None if accredited_by is None else frozenset(accredited_by),
    )


def _check_dids(table: TomlTable, name: str, dids: list[str] | None, check: Callable[[str], object]) -> None:
    for did in dids or ():
        try:
            check(did)
        except (MalformedError, VerificationError) as error:
            table.refuse(name, f"has {did[:80]!r}: {error.detail or error.code}")


def _parse_rules(
    table: TomlTable, trusted: dict[str, frozenset[str]], roots: dict[str, frozenset[str]]
) -> VerificationPolicy:
    def seconds(name: str, minimum: int, maximum: int, default: timedelta) -> timedelta:
        return timedelta(seconds=table.number(name, minimum, maximum, default=int(default.total_seconds())))

    rules = VerificationPolicy(
        trusted_issuers=trusted,
        trusted_roots=roots,
        accreditation=table.choice("accreditation", default=AccreditationRule.WHEN_ISSUED),
        key_binding=table.choice("key_binding", default=KeyBindingRule.REQUIRED),
        status=table.choice("status", default=StatusRule.WHEN_PRESENT),
        expiry_required=table.flag("expiry_required", default=False),
        clock_skew=seconds("clock_skew_seconds", 0, _MAX_SKEW, _DEFAULTS.clock_skew),
        key_binding_max_age=seconds("key_binding_max_age_seconds", 1, _DAY, _DEFAULTS.key_binding_max_age),
        evidence_max_age=seconds("evidence_max_age_seconds", 1, 30 * _DAY, _DEFAULTS.evidence_max_age),
        offline_evidence_max_age=seconds(
            "offline_evidence_max_age_seconds", 1, 30 * _DAY, _DEFAULTS.offline_evidence_max_age
        ),
    )
    table.end()
    return rules


def _check_did(did: str) -> None:
    """Check that `did` is one that can be resolved here at all."""
    readers: dict[str, Callable[[str], object]] = {"did:key": resolve_did_key, "did:jwk": resolve_did_jwk}
    readers.get(did[:7], parse_webvh)(did)

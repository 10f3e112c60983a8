import os
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.policy import AccreditationRule, KeyBindingRule, StatusRule, VerificationPolicy
from storage.atomic_file import Folder
from tests.attacks.artefacts import DID, OTHER_DID
from tests.ledger.world import POLICY, URL
from tests.openid_parties import ISSUER
from tests.signed_records import ROOT_DID
from tests.verifier.shop import DEGREE, IDENTITY_CARD
from verifier.handed_in import EvidenceSource
from verifier.policy_file import (
    VerifierPolicy,
    encode_policy,
    load_policy,
    parse_policy,
    trust_issuer,
)

LEDGER = encode_policy(TrustedLedgers((), development=True)).partition("# [[trust]]")[0]
TRUST = f'[[trust]]\ntype = "degree"\nissuers = ["{DID}"]\n'
DEFAULTS = VerificationPolicy(trusted_issuers={})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(f"# Mine\n{TRUST}\n[rules]   # strict\nstatus = 'required'\n\n\n")
    return path


def test_new_policy_trusts_its_ledgers_and_nobody_else_and_has_the_defaults() -> None:
    ledgers = TrustedLedgers((TrustedLedger(URL, POLICY),), development=True)
    assert parse_policy(encode_policy(ledgers)) == VerifierPolicy(ledgers, DEFAULTS, EvidenceSource.FETCHED)


def rooted(*lines: str) -> str:
    ledgers = TrustedLedgers((TrustedLedger(URL, POLICY),), development=True)
    return encode_policy(ledgers) + "".join(f"{line}\n" for line in ("[[trust]]", 'type = "degree"', *lines))


def test_policy_names_whom_it_trusts_to_accredit_issuers_beside_those_it_lists_or_alone() -> None:
    alone = parse_policy(rooted(f'accredited_by = ["{ROOT_DID}"]')).rules
    assert (alone.trusted_issuers, alone.trusted_roots) == ({}, {DEGREE.vct: frozenset({ROOT_DID})})
    assert alone.accreditation is AccreditationRule.WHEN_ISSUED
    both = parse_policy(rooted(f'accredited_by = ["{ROOT_DID}"]', f'issuers = ["{DID}"]')).rules
    assert both.trusted_issuers == {DEGREE.vct: frozenset({DID})}
    assert both.trusted_roots == alone.trusted_roots
    strict = rooted(f'accredited_by = ["{ROOT_DID}"]').replace('"when_issued"', '"when_checked"')
    assert parse_policy(strict).rules.accreditation is AccreditationRule.WHEN_CHECKED


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        ((), "issuers is missing"),
        ((f'accredited_by = "{ROOT_DID}"',), "accredited_by is a list of texts"),
        ((f'accredited_by = ["{DID}"]',), "accredited_by has"),
        (('accredited_by = ["did:key:z6Mk"]',), "accredited_by has"),
        ((f'accredited_by = ["{ROOT_DID}"]', 'issuers = ["x"]'), "issuers has"),
    ],
)
def test_root_that_could_never_lead_to_anybody_is_refused(lines: tuple[str, ...], detail: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_policy(rooted(*lines))
    assert refusal.value.code is Code.POLICY_INVALID
    assert detail in refusal.value.detail


def test_root_is_added_beside_the_issuers_and_only_one_of_a_trusted_ledger(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(rooted(f'issuers = ["{DID}"]'))
    assert trust_issuer(path, "degree", ROOT_DID, as_root=True)
    assert not trust_issuer(path, "degree", ROOT_DID, as_root=True)
    rules = load_policy(path).rules
    assert rules.trusted_issuers == {DEGREE.vct: frozenset({DID})}
    assert rules.trusted_roots == {DEGREE.vct: frozenset({ROOT_DID})}
    for did, code in ((DID, Code.LEDGER_NOT_TRUSTED), (ISSUER, Code.DID_METHOD_UNSUPPORTED)):
        with pytest.raises(TallyError) as refusal:
            trust_issuer(path, "degree", did, as_root=True)
        assert refusal.value.code is code


def test_empty_policy_trusts_nobody() -> None:
    assert parse_policy("") == VerifierPolicy(TrustedLedgers(()), DEFAULTS, EvidenceSource.FETCHED)


def test_everything_a_policy_can_say_is_read() -> None:
    policy = parse_policy(
        f"""
        development = false
        [[trust]]
        type = "degree"
        issuers = ["{DID}"]
        [[trust]]
        vct = "https://club.example/member"
        issuers = ["{ISSUER}", "{OTHER_DID}"]
        [rules]
        key_binding = "not_required"
        status = "when_reachable"
        evidence = "stapled"
        expiry_required = true
        clock_skew_seconds = 0
        key_binding_max_age_seconds = 60
        evidence_max_age_seconds = 86400
        [[trust]]
        vct = "{DEGREE.vct}"
        issuers = ["{OTHER_DID}"]
        """
    )
    assert policy.evidence is EvidenceSource.STAPLED
    assert policy.rules == VerificationPolicy(
        trusted_issuers={
            DEGREE.vct: frozenset({DID, OTHER_DID}),
            "https://club.example/member": frozenset({ISSUER, OTHER_DID}),
        },
        key_binding=KeyBindingRule.NOT_REQUIRED,
        status=StatusRule.WHEN_REACHABLE,
        expiry_required=True,
        clock_skew=timedelta(0),
        key_binding_max_age=timedelta(seconds=60),
        evidence_max_age=timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[trust", ""),
        ("a = 1\na = 2", ""),
        ("developement = true", "developement is unknown; did you mean development?"),
        ("xyz = 1", "xyz is unknown"),
        ("development = 1", "development is true or false"),
        ("development = 'true'", "development is true or false"),
        ("ledger = 1", "ledger is a list of tables [[ledger]]"),
        ("[ledger]\npolicy = 'x'", "ledger is a list of tables [[ledger]]"),
        ("[[ledger]]", "ledger[1].policy is missing"),
        ("[[ledger]]\npolicy = 'log x'", "ledger[1].policy cannot be used: "),
        ("[[ledger]]\npolicy = 'x'\nurl = 'y'", "ledger[1].url is unknown"),
        ("trust = ['degree']", "trust is a list of tables [[trust]]"),
        ("[[trust]]\ntype = 'degree'", "trust[1].issuers is missing"),
        ("[[trust]]\nissuers = []", "trust[1].type or vct: exactly one of the two"),
        (
            f"{TRUST}vct = 'urn:x'",
            "trust[1].type or vct: exactly one of the two",
        ),
        (
            TRUST.replace("degree", "degre"),
            "trust[1].type is unknown: 'degre'; did you mean degree?",
        ),
        (
            TRUST.replace("issuers", "issuer"),
            "trust[1].issuers is missing",
        ),
        (f"{TRUST}isuers = []", "trust[1].isuers is unknown; did you mean issuers?"),
        (f"{TRUST}[[trust]]\ntype = 'degree'\nissuers = 'x'", "trust[2].issuers is a list of texts"),
        (
            TRUST.replace(DID, "did:web:x.example"),
            "trust[1].issuers has 'did:web:x.example': not a did:webvh",
        ),
        (TRUST.replace(DID, f"{DID} "), f"trust[1].issuers has '{DID} '"),
        (TRUST.replace(DID, "*"), "trust[1].issuers has '*'"),
        (TRUST.replace(DID, "did:key:z6Mk"), "trust[1].issuers has 'did:key:z6Mk'"),
        ("rules = 1", "rules is a table"),
        ("[rules]\nstatuss = 'required'", "rules.statuss is unknown; did you mean status?"),
        (
            "[rules]\nstatus = 'ignored'",
            "rules.status is one of required, when_present, when_reachable",
        ),
        ("[rules]\nstatus = 1", "rules.status is one of required, when_present, when_reachable"),
        ("[rules]\nkey_binding = false", "rules.key_binding is one of required, not_required"),
        ("[rules]\nexpiry_required = 'yes'", "rules.expiry_required is true or false"),
        ("[rules]\nclock_skew_seconds = 601", "rules.clock_skew_seconds is a whole number from 0 to 600"),
        ("[rules]\nclock_skew_seconds = true", "rules.clock_skew_seconds is a whole number from 0 to 600"),
        ("[rules]\nclock_skew_seconds = 1.5", "rules.clock_skew_seconds is a whole number from 0 to 600"),
        (
            "[rules]\nevidence_max_age_seconds = 0",
            "rules.evidence_max_age_seconds is a whole number from 1 to 2592000",
        ),
        ("status = 'required'", "status is unknown"),
    ],
)
def test_policy_that_could_mean_something_else_is_refused_by_place(text: str, reason: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_policy(text)
    assert refusal.value.code is Code.POLICY_INVALID
    assert refusal.value.detail.startswith(f"policy.toml: {reason}")


def test_policy_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_bytes(b"\xff")
    with pytest.raises(RefusedError) as refusal:
        load_policy(tmp_path / "policy.toml")
    assert refusal.value.code is Code.POLICY_INVALID
    with pytest.raises(RefusedError) as refusal:
        load_policy(tmp_path / "missing.toml")
    assert refusal.value.code is Code.NOT_INITIALIZED


def test_trusting_an_issuer_adds_a_table_and_keeps_every_other_line(file: Path) -> None:
    before = file.read_text().rstrip()
    assert trust_issuer(file, "identity_card", DID)
    after = file.read_text()
    assert after == f'{before}\n\n[[trust]]\ntype = "identity_card"\nissuers = ["{DID}"]\n'
    assert load_policy(file).rules.trusted_issuers == {
        DEGREE.vct: frozenset({DID}),
        IDENTITY_CARD.vct: frozenset({DID}),
    }
    assert load_policy(file).rules.status is StatusRule.REQUIRED


def test_trusting_twice_changes_nothing(file: Path) -> None:
    before = file.read_bytes()
    assert not trust_issuer(file, "degree", DID)
    assert not trust_issuer(file, DEGREE.vct, DID)
    assert file.read_bytes() == before


def test_second_issuer_of_a_type_counts_beside_the_first(file: Path) -> None:
    assert trust_issuer(file, DEGREE.vct, OTHER_DID)
    assert load_policy(file).rules.trusted_issuers == {DEGREE.vct: frozenset({DID, OTHER_DID})}


@pytest.mark.parametrize(
    ("type_name", "did", "code"),
    [
        ("degre", DID, Code.CREDENTIAL_TYPE_UNKNOWN),
        pytest.param("urn:\udcff", DID, Code.CREDENTIAL_TYPE_UNKNOWN, id="another encoding"),
        ("degree", "did:web:x.example", Code.DID_METHOD_UNSUPPORTED),
        ("degree", "university", Code.DID_INVALID),
        ("degree", f'{DID}"]\nx = ["', Code.DID_INVALID),
    ],
)
def test_what_cannot_be_trusted_leaves_the_file_alone(
    file: Path, type_name: str, did: str, code: Code
) -> None:
    before = file.read_bytes()
    with pytest.raises(TallyError) as refusal:
        trust_issuer(file, type_name, did)
    assert refusal.value.code is code
    assert file.read_bytes() == before


def test_hostile_vct_stays_one_text(file: Path) -> None:
    vct = 'urn:x"]\n[rules]\nkey_binding = "not_required"\x7f\u2028'
    assert trust_issuer(file, vct, DID)
    rules = load_policy(file).rules
    assert rules.trusted_issuers[vct] == {DID}
    assert rules.key_binding is KeyBindingRule.REQUIRED


def test_policy_that_cannot_be_used_is_not_added_to(file: Path) -> None:
    file.write_text("trust = []\n")
    with pytest.raises(RefusedError) as refusal:
        trust_issuer(file, "degree", DID)
    assert refusal.value.code is Code.POLICY_INVALID
    assert file.read_text() == "trust = []\n"


def test_only_one_changes_the_policy_at_a_time(file: Path) -> None:
    with Folder(file.parent, private=False) as folder:
        lock = folder.take_lock(".policy.lock")
        with pytest.raises(RefusedError) as refusal:
            trust_issuer(file, "identity_card", DID)
        assert refusal.value.code is Code.VAULT_LOCKED
        os.close(lock)
    assert trust_issuer(file, "identity_card", DID)


def test_fault_of_a_ledger_policy_names_its_place() -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_policy("[[ledger]]\npolicy = ''")
    assert refusal.value.code is Code.POLICY_INVALID
    assert not isinstance(refusal.value, MalformedError)

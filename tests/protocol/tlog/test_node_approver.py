import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.errors import MalformedError, TallyError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.node_approver import create_approver_statement, verify_approver_statement
from protocol.tlog.note import NoteKey, SignatureType, encode_note, parse_note
from tests.webvh_logs import NOW

ORIGIN, NAME = "ledger.example", "alice.example/copy"
COSIGNER, APPROVER, OTHER = (Ed25519PrivateKey(bytes([number]) * 32) for number in (31, 32, 33))
KEY = NoteKey(NAME, SignatureType.ED25519_COSIGNATURE, COSIGNER.public_key)
DID = encode_did_key(APPROVER.public_key)
STATEMENT = create_approver_statement(ORIGIN, APPROVER.public_key, name=NAME, key=COSIGNER, now=NOW)
HEADER = "tallystick/node-approver@v1"


def code_of(source: str, *, origin: str = ORIGIN, cosigner: NoteKey = KEY) -> Code | None:
    try:
        verify_approver_statement(source, origin=origin, cosigner=cosigner)
    except TallyError as error:
        return error.code
    return None


def signed(text: str, key: Ed25519PrivateKey = COSIGNER, name: str = NAME) -> str:
    return encode_note(text, [sign_cosignature(text, name=name, key=key, now=NOW)])


def test_statement_says_which_witness_a_node_is() -> None:
    assert verify_approver_statement(STATEMENT, origin=ORIGIN, cosigner=KEY) == DID
    assert parse_note(STATEMENT).text == f"{HEADER}\n{ORIGIN}\n{DID}\n"


def test_line_of_somebody_else_beside_that_of_the_cosigner_changes_nothing() -> None:
    text = parse_note(STATEMENT).text
    lines = [
        sign_cosignature(text, name=name, key=key, now=NOW)
        for name, key in (("bob.example/copy", OTHER), (NAME, COSIGNER))
    ]
    assert verify_approver_statement(encode_note(text, lines), origin=ORIGIN, cosigner=KEY) == DID


def test_statement_is_no_checkpoint() -> None:
    with pytest.raises(MalformedError):
        parse_checkpoint(parse_note(STATEMENT).text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"tallystick/node-approver@v2\n{ORIGIN}\n{DID}\n", Code.FORMAT_INVALID),
        (f"{HEADER}\n{ORIGIN}\n{DID}\nmore\n", Code.FORMAT_INVALID),
        (f"{HEADER}\n{DID}\n", Code.FORMAT_INVALID),
        (f"{HEADER}\n{ORIGIN}\ndid:web:alice.example\n", Code.DID_INVALID),
        (
            f"{HEADER}\n{ORIGIN}\n{encode_did_key(P256PrivateKey(bytes(31) + bytes([7])).public_key)}\n",
            Code.KEY_INVALID,
        ),
        (f"{HEADER}\nother.example\n{DID}\n", Code.LOG_ORIGIN_MISMATCH),
    ],
)
def test_statement_that_says_something_else_is_refused(text: str, code: Code) -> None:
    assert code_of(signed(text)) is code


def test_statement_that_the_cosigner_did_not_sign_is_refused() -> None:
    text = parse_note(STATEMENT).text
    assert code_of(signed(text, OTHER)) is Code.LOG_SIGNATURE_INVALID
    assert code_of(signed(text, COSIGNER, "bob.example/copy")) is Code.LOG_SIGNATURE_INVALID
    other = encode_did_key(OTHER.public_key)
    assert code_of(STATEMENT.replace(DID, other)) is Code.LOG_SIGNATURE_INVALID


@given(st.text(max_size=80))
def test_garbage_is_refused_with_our_own_errors(garbage: str) -> None:
    assert code_of(garbage) is not None
    assert code_of(STATEMENT.replace(DID, garbage)) is not None

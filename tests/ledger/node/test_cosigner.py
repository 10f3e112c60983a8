import pytest

from ledger.node.cosigner import Cosigner, Promise
from ledger.node.keys import NodeKeys, encode_node_keys, parse_node_keys
from ledger.node_policy import CosignerKind, kind_of_cosigner, parse_node_line
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.encoding.strict_json import encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.cosignature import verify_cosignature
from tests.ledger.world import NOW, POLICY

COSIGNER = Cosigner("alice.example", Promise.COPY, Ed25519PrivateKey(bytes([7]) * 32))
APPROVER = Ed25519PrivateKey(bytes([8]) * 32)
KEYS = NodeKeys(COSIGNER, APPROVER)
URL = "https://alice.example"


@pytest.mark.parametrize("keys", [KEYS, NodeKeys(COSIGNER, None)], ids=["both", "made without an approver"])
def test_keys_come_back_from_their_sealed_form(keys: NodeKeys) -> None:
    assert parse_node_keys(encode_node_keys(keys)) == keys


def test_did_of_the_approver_is_that_of_another_key() -> None:
    assert KEYS.approver_did == encode_did_key(APPROVER.public_key) != encode_did_key(COSIGNER.key.public_key)
    assert NodeKeys(COSIGNER, None).approver_did is None


def test_key_is_not_shown() -> None:
    assert "key" not in repr(COSIGNER)
    assert "approver=" not in repr(KEYS)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("seed", "AAAA"),
        ("seed", "*"),
        ("approver", "AAAA"),
        ("approver", None),
        ("promise", "mirror"),
        ("promise", ""),
        ("authority", None),
    ],
)
def test_other_content_is_not_read(member: str, value: str | None) -> None:
    members = parse_json_object(encode_node_keys(KEYS))
    members[member] = value
    with pytest.raises(MalformedError):
        parse_node_keys(encode_json(members))


def test_seed_does_not_stand_in_the_error() -> None:
    body = encode_node_keys(KEYS).replace(b'"copy"', b'"mirror"')
    with pytest.raises(MalformedError) as caught:
        parse_node_keys(body)
    assert caught.value.code is Code.KEY_INVALID
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("promise", Promise)
def test_name_of_the_key_says_what_is_promised(promise: Promise) -> None:
    line = parse_node_line(Cosigner("alice.example", promise, COSIGNER.key).policy_line(URL))
    assert (line.name, line.url) == ("alice.example", URL)
    assert kind_of_cosigner(line.key.name, POLICY.logs) is CosignerKind(promise.value)
    text = "ledger.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    signature = Cosigner("alice.example", promise, COSIGNER.key).sign(text, now=NOW)
    assert verify_cosignature(text, signature, line.key) == NOW

from hashlib import sha256

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.index.subject import Subject, did_subject

DID = "did:webvh:QmQ5Vk6zcDzKU3UhNTULcQhUfEjbWYjnMTPkzWm3CCdsKo:example.org"


def test_key_is_the_hash_of_kind_and_name() -> None:
    assert did_subject(DID).key == sha256(f"did\n{DID}".encode()).digest()
    assert (
        Subject("accreditation-of", "Zoë Ünal").key == sha256("accreditation-of\nZoë Ünal".encode()).digest()
    )


def test_kind_and_name_cannot_be_shifted_into_each_other() -> None:
    assert Subject("a", "b c").key != Subject("a-b", "c").key
    with pytest.raises(MalformedError):
        Subject("a", "b\nc")


@pytest.mark.parametrize("kind", ["", "DID", "did2", "did ", "d\n", "dïd", "d" * 33])
def test_kind_of_another_form_is_refused(kind: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Subject(kind, "name")
    assert caught.value.code is Code.FORMAT_INVALID


@pytest.mark.parametrize(
    "name", ["", "a\n", "a\0", "a\tb", "\x7f", "\x85", "\x9f", "\ud800", "x" * 1025, "é" * 513]
)
def test_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Subject("did", name)
    assert caught.value.code is Code.FORMAT_INVALID


@pytest.mark.parametrize("name", [" ", "a b", "é" * 512, "x" * 1024, "\u2028", "\ufeff"])
def test_name_of_any_other_text_is_accepted(name: str) -> None:
    assert Subject("did", name).key == sha256(b"did\n" + name.encode()).digest()

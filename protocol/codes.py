"""The one table of error codes: the word, what it means, and what to do about it.

Doors print from here; docs/errors.md is generated from here. A code never changes once released, its
words may. Rows are grouped by the part that raises them, in the order the checks run.
"""

from enum import StrEnum


class Code(StrEnum):
    """A stable error code; the value is the word on the wire, in logs and in `--json`."""

    meaning: str
    remedy: str

    def __new__(cls, word: str, meaning: str, remedy: str) -> "Code":
        """Make a member that is its word and carries its explanation."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.remedy = remedy
        return member

    # Reading: bytes, JSON, base64, numbers
    FORMAT_INVALID = (
        "format_invalid",
        "The text does not have the form its format requires.",
        "Ask the sender for a fresh copy; do not repair it by hand.",
    )
    SIZE_EXCEEDED = (
        "size_exceeded",
        "The input is larger than any honest one needs to be.",
        "Ask the sender for a smaller one.",
    )
    ENCODING_INVALID = (
        "encoding_invalid",
        "Base64url, base64 or base58 text is not in its one canonical spelling.",
        "Ask the sender for a fresh copy; it was damaged or altered on the way.",
    )
    TEXT_INVALID = (
        "text_invalid",
        "The text is not clean UTF-8.",
        "Ask the sender to send UTF-8 without a byte order mark or lone surrogates.",
    )
    JSON_INVALID = ("json_invalid", "The text is not JSON.", "Ask the sender for a fresh copy.")
    JSON_DUPLICATE_MEMBER = (
        "json_duplicate_member",
        "A JSON object names the same member twice, so two readers could see different things.",
        "Do not use it; tell the sender that their software is faulty or someone tampers with it.",
    )
    JSON_NUMBER = (
        "json_number",
        "A JSON number is not one that all readers understand alike.",
        "Ask the sender to keep integers within 2^53-1 and to leave out NaN and infinity.",
    )
    JSON_DEPTH = (
        "json_depth",
        "The JSON is nested deeper than any honest document.",
        "Do not use it; it looks made to exhaust the reader.",
    )
    MEMBER_MISSING = (
        "member_missing",
        "A required member is missing.",
        "Ask the sender for a complete document.",
    )
    MEMBER_INVALID = (
        "member_invalid",
        "A member has the wrong type or a value outside its range.",
        "Ask the sender for a document that follows the specification.",
    )

    # Keys and signatures
    KEY_INVALID = (
        "key_invalid",
        "The key is not one that signatures may be checked with.",
        "Ask the owner for a proper Ed25519 or P-256 public key.",
    )
    ALGORITHM_NOT_ALLOWED = (
        "algorithm_not_allowed",
        "The signature algorithm is not allowed here or does not fit the key.",
        "Ask the signer to use Ed25519 (EdDSA) or ES256.",
    )
    TYPE_MISMATCH = (
        "type_mismatch",
        "A token of one kind was given where another kind is expected.",
        "Send the right token; one made for another purpose is never accepted.",
    )
    CRITICAL_HEADER = (
        "critical_header",
        "The token demands a header extension that is not understood here.",
        "Ask the signer for a token without critical extensions.",
    )
    KEY_SOURCE_FORBIDDEN = (
        "key_source_forbidden",
        "The token tries to bring or point to its own verification key.",
        "Do not trust it; keys come from the issuer's DID, never from the token.",
    )
    SIGNATURE_INVALID = (
        "signature_invalid",
        "The signature does not match: the content was altered, or another key signed it.",
        "Do not trust it; ask for a fresh copy from the source.",
    )

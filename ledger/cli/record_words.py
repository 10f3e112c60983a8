"""What a person names records by: the type of credentials they are about, their author, and their hash."""

import click

from protocol.errors import MalformedError, RefusedError

_KINDS_OF_NAMES = "a name like degree, or a vct like urn:example:card:1"


class TypeOfCredential(click.ParamType[str]):
    """The type of an option that is a type of credentials: a vct, or the name of one that comes along.

    Nothing on a ledger says that a misspelt type is none, so what is neither is wrong usage.
    """

    name = "type"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The vct."""
        from schemas import credential_type

        # What was typed in another encoding than the terminal's is the name of nothing.
        if ":" in value and value.isprintable():
            return value
        try:
            return credential_type(value).vct
        except RefusedError:
            self.fail(f"{value[:80]!r} is not {_KINDS_OF_NAMES}", param, ctx)


class InstitutionDid(click.ParamType[str]):
    """The type of an option that is the DID of an institution. What is none never said anything, which would
    read like an answer; so it is wrong usage.
    """

    name = "did"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The DID."""
        from protocol.did.webvh.identifier import parse_webvh

        try:
            return parse_webvh(value).did
        except MalformedError:
            self.fail(f"{value[:80]!r} is not like did:webvh:Qm…:ledger.example:ministry", param, ctx)


class RecordHash(click.ParamType[bytes]):
    """The type of an option that is the leaf hash of a record. Another text is wrong usage."""

    name = "record"

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """The hash, 32 bytes."""
        from protocol.records.signed import parse_hash_text

        if isinstance(value, bytes):
            return value
        try:
            return parse_hash_text(value, self.name)
        except MalformedError:
            wanted = "the 64 digits that `tally ledger issuers` shows"
            self.fail(f"{value[:80]!r} is not the hash of a record, {wanted}", param, ctx)

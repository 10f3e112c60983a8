"""Credential types as data. Each is a folder with three files, here or wherever an institution keeps its own.

claims.schema.json    which claims there are and what they may hold (JSON Schema 2020-12, closed)
type_metadata.json    names, labels and rules of disclosure (SD-JWT VC Type Metadata)
example.json          claims that the schema accepts
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue, parse_json_object
from protocol.errors import RefusedError
from protocol.type_metadata import TypeMetadata, metadata_integrity, parse_type_metadata

_HERE = Path(__file__).parent
_METADATA_FILE = "type_metadata.json"


@dataclass(frozen=True, slots=True)
class CredentialType:
    """A type of credential.

    Attributes:
        name: The name of its folder, such as `degree`.
        vct: Its identifier in credentials, with its version: a new rule is a new version.
        claims_schema: The JSON Schema of the claims an institution gives, with no reference to the outside.
            Dates are stated as `format`, so a validator has to be told to check formats.
        type_metadata: Names, labels, and which claims may or must be selectively disclosable.
        example: Claims that the schema accepts.
        integrity: The hash of the type metadata document, as in `vct#integrity`.
    """

    name: str
    vct: str
    claims_schema: Mapping[str, JsonValue]
    type_metadata: TypeMetadata
    example: Mapping[str, JsonValue]
    integrity: str


def credential_types() -> tuple[CredentialType, ...]:
    """The types that come with Tallystick, by name."""
    return tuple(credential_type(folder.parent.name) for folder in sorted(_HERE.glob(f"*/{_METADATA_FILE}")))


@cache
def credential_type(name: str) -> CredentialType:
    """The type `name` that comes with Tallystick.

    Raises:
        RefusedError: there is none.
    """
    if name not in {file.parent.name for file in _HERE.glob(f"*/{_METADATA_FILE}")}:
        raise RefusedError(Code.CREDENTIAL_TYPE_UNKNOWN)
    return load_credential_type(_HERE / name)


def load_credential_type(folder: Path) -> CredentialType:
    """Read the type kept in `folder`. Not checked: that the schema is one, and that it accepts the example.

    Raises:
        MalformedError: a file that is not strict JSON, or type metadata that cannot be read.
        RefusedError: a file is missing.
    """
    contents: list[bytes] = []
    for name in ("claims.schema.json", _METADATA_FILE, "example.json"):
        try:
            contents.append((folder / name).read_bytes())
        except OSError as error:
            raise RefusedError(Code.CREDENTIAL_TYPE_UNKNOWN, f"{name} cannot be read") from error
    schema, metadata, example = contents
    type_metadata = parse_type_metadata(metadata)
    return CredentialType(
        folder.name,
        type_metadata.vct,
        parse_json_object(schema),
        type_metadata,
        parse_json_object(example),
        metadata_integrity(metadata),
    )

"""The credential types an institution issues: folders in its home, each like those in `schemas/`.

types/degree/claims.schema.json, type_metadata.json, example.json
types/degree/issuing.json          {"valid_days": 1825, "refill_days": 0}
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import schemas
from issuer.claims import check_type
from protocol.codes import Code
from protocol.encoding.members import integer_member, optional_integer_member
from protocol.encoding.strict_json import encode_json, parse_json_object
from protocol.errors import RefusedError
from schemas import CredentialType, credential_types, load_credential_type
from storage.atomic_file import Folder, make_private_folder

_ISSUING_FILE = "issuing.json"
_METADATA_FILE = "type_metadata.json"
_FILES = ("claims.schema.json", _METADATA_FILE, "example.json")
_MAX_FILE_BYTES = 1 << 20
# It is a folder, a path segment of a URL, and the id of the configuration in the metadata.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class IssuedType:
    """A type the institution issues.

    Attributes:
        definition: What it is.
        validity: For how long its credentials are valid.
        refill: For how long after the offer a wallet may fetch further copies; at most as long as they are
            valid, and zero for not at all.
    """

    definition: CredentialType
    validity: timedelta
    refill: timedelta

    @property
    def name(self) -> str:
        """The name of the type, which is the id of its configuration in the metadata too."""
        return self.definition.name


def type_folder(source: str) -> Path:
    """The folder of a type: one that comes with Tallystick by its name, any other by its path."""
    shipped = Path(schemas.__file__).parent / source
    return shipped if source in {kind.name for kind in credential_types()} else Path(source).absolute()


class TypeShelf:
    """The types of one institution, read from the disk each time, so that a new one needs no restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, name: str) -> bool:
        """Whether the institution issues the type `name`."""
        return _NAME.fullmatch(name) is not None and (self._folder / name / _ISSUING_FILE).is_file()

    def load(self, name: str) -> IssuedType:
        """The type `name`.

        Raises:
            RefusedError: the institution does not issue it.
            MalformedError: its files were damaged.
        """
        if not self.has(name):
            raise RefusedError(Code.CREDENTIAL_TYPE_UNKNOWN, name[:64])
        folder = self._folder / name
        issuing = parse_json_object((folder / _ISSUING_FILE).read_bytes())
        validity = timedelta(days=integer_member(issuing, "valid_days", minimum=1))
        refill = timedelta(days=optional_integer_member(issuing, "refill_days") or 0)
        return IssuedType(load_credential_type(folder), validity, min(refill, validity))

    def all(self) -> list[IssuedType]:
        """Every type the institution issues, by name."""
        return [self.load(file.parent.name) for file in sorted(self._folder.glob(f"*/{_ISSUING_FILE}"))]

    def metadata_document(self, name: str) -> bytes:
        """The type metadata of the type `name`, byte for byte.

        Raises:
            RefusedError: the institution does not issue it.
        """
        self.load(name)
        return (self._folder / name / _METADATA_FILE).read_bytes()

    def add(self, source: Path, *, valid_days: int, refill_days: int = 0) -> IssuedType:
        """Take the type in the folder `source`, or a new version of it. What it says of validity and of
        refills counts for the offers made from now on.

        Raises:
            RefusedError: the folder's name cannot name a type, or the type cannot be issued.
            MalformedError: a file cannot be read.
        """
        if not _NAME.fullmatch(source.name):
            raise RefusedError(Code.TYPE_METADATA_INVALID, "a type is named by a-z, 0-9 and _")
        check_type(load_credential_type(source))
        target = self._folder / source.name
        make_private_folder(target)
        with Folder(source, private=False) as given, Folder(target, private=True) as folder:
            # The type is issued while this file is there: never in a mixture of an old version and a new one.
            folder.remove(_ISSUING_FILE)
            for name in _FILES:
                folder.replace(name, given.read(name, max_bytes=_MAX_FILE_BYTES))
            folder.replace(_ISSUING_FILE, encode_json({"valid_days": valid_days, "refill_days": refill_days}))
        return self.load(source.name)

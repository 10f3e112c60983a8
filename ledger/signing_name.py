"""The setting of an institution that says under which name it signs."""

from protocol.jws import Algorithm
from storage.toml_table import TomlTable


def read_signing_name(settings: TomlTable) -> Algorithm:
    """The `signing_name` of `settings`: a name of Ed25519 signatures, EdDSA when it is absent.

    Raises:
        RefusedError: another word; the detail names the place.
    """
    name = settings.choice("signing_name", default=Algorithm.EDDSA)
    if name is Algorithm.ES256:
        settings.refuse("signing_name", "is EdDSA or Ed25519")
    return name

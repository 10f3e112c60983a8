"""Words for people: what a credential type and its claims are called.

Types that come with Tallystick bring their labels; for others the wallet makes a word of the claim's name.
"""

from collections.abc import Mapping
from functools import cache

from protocol.claim_path import ClaimPath
from protocol.type_metadata import TypeMetadata
from schemas import CredentialType, credential_types

LOCALES = ("en",)


def type_name(vct: str) -> str:
    """The short name under which commands know the type (`degree`); for others the type itself.

    A stranger's type that looks like a short name (it has no colon) is told apart: `vct:degree`.
    """
    known = _known_types().get(vct)
    if known is not None:
        return known.name
    return vct if ":" in vct else f"vct:{vct}"


def type_label(vct: str) -> str:
    """What a person calls the type."""
    metadata = type_metadata(vct)
    return (metadata.name(LOCALES) if metadata is not None else None) or type_name(vct)


def claim_label(vct: str, path: ClaimPath) -> str:
    """What a person calls the claim at `path`."""
    metadata = type_metadata(vct)
    label = metadata.label(path, LOCALES) if metadata is not None else None
    names = [component for component in path if isinstance(component, str)]
    return label or " ".join(names).replace("_", " ").capitalize()


def type_metadata(vct: str) -> TypeMetadata | None:
    """What a type that comes with Tallystick says about itself; None for others."""
    known = _known_types().get(vct)
    return None if known is None else known.type_metadata


@cache
def _known_types() -> Mapping[str, CredentialType]:
    return {known.vct: known for known in credential_types()}

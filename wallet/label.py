"""Words for people: what a credential type and its claims are called.

Types that come with Tallystick bring their labels; for others the wallet makes a word of the claim's name.
"""

from functools import cache

from protocol.claim_path import ClaimPath
from protocol.type_metadata import TypeMetadata
from schemas import credential_types

LOCALES = ("en",)


def type_name(vct: str) -> str:
    """The short name under which commands know the type (`degree`), or the type itself."""
    return next((kind.name for kind in credential_types() if kind.vct == vct), vct)


def type_label(vct: str) -> str:
    """What a person calls the type."""
    metadata = _metadata(vct)
    return (metadata.name(LOCALES) if metadata is not None else None) or type_name(vct)


def claim_label(vct: str, path: ClaimPath) -> str:
    """What a person calls the claim at `path`."""
    metadata = _metadata(vct)
    label = metadata.label(path, LOCALES) if metadata is not None else None
    names = [component for component in path if isinstance(component, str)]
    return label or " ".join(names).replace("_", " ").capitalize()


@cache
def _metadata(vct: str) -> TypeMetadata | None:
    return next((kind.type_metadata for kind in credential_types() if kind.vct == vct), None)

"""Claims path pointers: which claims of a credential are meant (OpenID4VP 1.0 §7; SD-JWT VC uses the same).

    ["address", "locality"]     a member of a member
    ["degrees", null, "title"]  that member of every element
    ["nationalities", 1]        one element

Positions count the elements that are there: where elements of an array are withheld, the rest move up.
"""

from typing import TypeAlias

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError

ClaimPath: TypeAlias = tuple[str | int | None, ...]
"""Text names a member, a number an element, None every element."""


def parse_claim_path(source: JsonValue) -> ClaimPath:
    """Read a claims path pointer: a non-empty array of strings, non-negative integers and nulls.

    Raises:
        MalformedError: not such an array. `true` is not 1, and neither is 1.0.
    """
    if not isinstance(source, list) or not source:
        raise MalformedError(Code.MEMBER_INVALID, "a claims path is a non-empty array")
    path: list[str | int | None] = []
    for component in source:
        if component is None or isinstance(component, str) or (type(component) is int and component >= 0):
            path.append(component)
        else:
            raise MalformedError(Code.MEMBER_INVALID, "a claims path holds strings, indices and nulls")
    return tuple(path)


def select_claims(claims: JsonObject, path: ClaimPath) -> dict[ClaimPath, JsonValue]:
    """The values `path` selects in the processed `claims`, each under its own path without None.

    Empty where the specification says error: nothing there, or something on the way is not what the path
    takes it for (in any of several elements). To a caller both mean that the claim is not there.
    """
    selected: dict[ClaimPath, JsonValue] = {(): claims}
    for component in path:
        inner: dict[ClaimPath, JsonValue] = {}
        for place, value in selected.items():
            if isinstance(component, str):
                if not isinstance(value, dict):
                    return {}
                if component in value:
                    inner[(*place, component)] = value[component]
            else:
                if not isinstance(value, list):
                    return {}
                indices = range(len(value)) if component is None else (component,)
                inner |= {(*place, index): value[index] for index in indices if index < len(value)}
        selected = inner
    return selected


def is_on_one_line(one: ClaimPath, other: ClaimPath) -> bool:
    """Whether one of two places is the other or lies in it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]

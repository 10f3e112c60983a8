"""Reads the YAML specifications of SD-JWT examples: claims in which `!sd` marks what is disclosable."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from protocol.claim_path import ClaimPath
from protocol.encoding.strict_json import JsonObject, JsonValue

_MARK = "!sd"


@dataclass(frozen=True, slots=True)
class Specification:
    """What to issue, what the holder shows, and what the verifier must see, if the file says."""

    claims: JsonObject
    disclosable: tuple[ClaimPath, ...]
    shown: tuple[ClaimPath, ...]
    expected: JsonObject | None
    key_binding: bool
    decoys: bool
    header: JsonObject
    serialization: str


def read_specification(path: Path) -> Specification:
    with path.open(encoding="utf-8") as stream:
        root = yaml.compose(stream, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    sections = {key.value: node for key, node in root.value}
    disclosable: list[ClaimPath] = []
    claims = _read(sections["user_claims"], (), disclosable)
    assert isinstance(claims, dict)
    plain = {name: _read(node, (), []) for name, node in sections.items() if name != "user_claims"}
    expected, header = plain.get("expect_verified_user_claims"), plain.get("extra_header_parameters", {})
    assert isinstance(header, dict)
    return Specification(
        claims=claims,
        disclosable=tuple(disclosable),
        shown=tuple(_leaves(plain["holder_disclosed_claims"], ())),
        expected=expected if isinstance(expected, dict) else None,
        key_binding=plain.get("key_binding") is True,
        decoys=plain.get("add_decoy_claims") is True,
        header=header,
        serialization=str(plain.get("serialization_format", "compact")),
    )


def visible(
    value: JsonValue, place: ClaimPath, hidden: Collection[ClaimPath], shown: Collection[ClaimPath]
) -> JsonValue:
    """What a verifier sees: everything but the disclosable claims that no shown path leads to or contains."""

    def is_seen(inner: ClaimPath) -> bool:
        return inner not in hidden or any(
            path[: len(inner)] == inner or inner[: len(path)] == path for path in shown
        )

    if isinstance(value, dict):
        return {
            name: visible(member, (*place, name), hidden, shown)
            for name, member in value.items()
            if is_seen((*place, name))
        }
    if isinstance(value, list):
        return [
            visible(element, (*place, index), hidden, shown)
            for index, element in enumerate(value)
            if is_seen((*place, index))
        ]
    return value


def _read(node: yaml.Node, place: ClaimPath, disclosable: list[ClaimPath]) -> JsonValue:
    if isinstance(node, yaml.MappingNode):
        members: JsonObject = {}
        for key, value in node.value:
            inner = (*place, key.value)
            if key.tag == _MARK:
                disclosable.append(inner)
            members[key.value] = _read(value, inner, disclosable)
        return members
    if isinstance(node, yaml.SequenceNode):
        elements: list[JsonValue] = []
        for index, value in enumerate(node.value):
            if value.tag == _MARK:
                disclosable.append((*place, index))
            elements.append(_read(value, (*place, index), disclosable))
        return elements
    return _scalar(node)


def _scalar(node: yaml.Node) -> JsonValue:
    # The mark stands where YAML keeps the type, which is worked out again as for text without a mark.
    loader: Any = yaml.SafeLoader("")
    tag = node.tag
    if tag == _MARK:
        quoted = getattr(node, "style", None) is not None
        tag = loader.resolve(yaml.ScalarNode, node.value, (not quoted, quoted))
    value: JsonValue = loader.construct_object(yaml.ScalarNode(tag, node.value), deep=True)
    return value


def _leaves(shown: JsonValue, place: ClaimPath) -> Iterator[ClaimPath]:
    if isinstance(shown, dict):
        for name, value in shown.items():
            yield from _leaves(value, (*place, name))
    elif isinstance(shown, list):
        for index, value in enumerate(shown):
            yield from _leaves(value, (*place, index))
    elif shown is True:
        yield place

"""Resolves DIDs with did-webvh, from files."""

import asyncio
from pathlib import Path
from typing import Any

from did_webvh.resolver import resolve_did

from tests.interop.answering import answer_questions


def resolve(question: Any) -> Any:
    """What `did` is resolved to at `version_time`, from did.jsonl and did-witness.json in `folder`."""
    result = asyncio.run(
        resolve_did(
            question["did"],
            local_history=Path(question["folder"]),
            version_time=question.get("version_time"),
            add_implicit=False,
        )
    )
    return result.serialize()


if __name__ == "__main__":
    answer_questions(resolve)

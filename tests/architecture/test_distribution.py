"""What others get from this repository works for them, and tells nothing of the machine it was made on."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
INTEROP_LOCK = "requirements-interop.lock"
REPLICATION_LOCK = "requirements-replication.lock"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DIRECT = [
    Requirement(text) for text in (*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"])
]

# Traces of a workplace. None of them is a word of the field: a session there is one of a protocol.
_TRACES = re.compile(
    r"(?<![\w.-])/(?:work|root|opt/pypi|opt/wheels|tmp/bash_jobs)/"
    r"|\bshared/(?:reference|vectors|hooks)\b"
    r"|\bhelper(?:'s|s)? (?:session|report|brief)|\bsub-?agent"
    r"|\b(?:this|previous|earlier|next|last) (?:working |coding )session|\bsession (?:notes|log|report)\b",
    re.IGNORECASE,
)


def locked(lock: str) -> dict[str, str]:
    """The version of each package in a lock, by its canonical name."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ \n;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def packages() -> list[Path]:
    """The folders of the floors: those with modules that are not beside the floors."""
    beside = {"tests", "benchmarks", "scripts"}
    folders = (path.parent for path in ROOT.glob("*/__init__.py"))
    return sorted(folder for folder in folders if folder.name not in beside)


def committed_files() -> Iterator[Path]:
    """Every file that is or could be committed, but this one."""
    for entry in sorted(ROOT.iterdir()):
        ignored = entry.name in ("build", "dist") or entry.suffix == ".egg-info"
        if not ignored and (not entry.name.startswith(".") or entry.name in (".ci", ".gitignore")):
            files = entry.rglob("*") if entry.is_dir() else [entry]
            yield from (
                path
                for path in files
                if path.is_file() and "__pycache__" not in path.parts and path != Path(__file__)
            )


@pytest.mark.parametrize("name", [*LOCKS, INTEROP_LOCK, REPLICATION_LOCK, "pyproject.toml", "Makefile"])
def test_package_index_is_named_nowhere(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("--no-emit-index-url", "")
    assert re.findall(r"://|index-url|find-links|trusted-host|tool\.uv", text) == []


@pytest.mark.parametrize("name", [*LOCKS, INTEROP_LOCK, REPLICATION_LOCK])
def test_lock_holds_nothing_but_versions_with_hashes(name: str) -> None:
    # One logical line for each package, whatever it is broken into.
    lines = (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines()
    pin = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^ ;]+( ; [^#\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert len(lines) > 10
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_locks_agree() -> None:
    runtime, development = (locked(name) for name in LOCKS)
    assert runtime.items() <= development.items()


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_direct_dependency_has_an_upper_bound(requirement: Requirement) -> None:
    assert {"<", "=="} & {specifier.operator for specifier in requirement.specifier}
    assert requirement.url is None


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_direct_dependency_is_locked_within_its_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(
        locked("requirements-dev.lock")[canonicalize_name(requirement.name)]
    )


def test_counterparts_are_pinned_exactly_and_locked() -> None:
    counterparts = [Requirement(text) for text in PROJECT["dependency-groups"]["interop"]]
    pins = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in counterparts}
    assert len(pins) == 3
    assert pins.items() <= locked(INTEROP_LOCK).items()


def test_every_package_is_typed_and_distributed() -> None:
    names = [path.name for path in packages()]
    assert "protocol" in names
    assert [name for name in names if not (ROOT / name / "py.typed").is_file()] == []
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]) == [
        f"{name}*" for name in names
    ]
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == names


def test_every_folder_with_modules_is_a_package() -> None:
    # Without an __init__.py it would be missing from the distribution.
    folders = {path.parent for package in packages() for path in package.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_file_of_a_package_is_distributed() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    files = [path for package in packages() for path in package.rglob("*") if path.is_file()]
    assert files
    left_out = [
        path
        for path in files
        if path.suffix not in (".py", ".pyc") and not any(path.match(pattern) for pattern in patterns)
    ]
    assert left_out == []


def test_no_file_tells_of_the_place_it_was_written_in() -> None:
    found = []
    for path in committed_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # not a text
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in _TRACES.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see /work/notes", True),
        ("from shared/reference/standards.md", True),
        ("as the helper's report says", True),
        ("https://example.com/work/1", False),
        ("the nonce of another session", False),
        ("a session of the protocol", False),
    ],
)
def test_trace_of_a_workplace_is_told_from_words_of_the_field(text: str, expected: bool) -> None:
    assert bool(_TRACES.search(text)) is expected

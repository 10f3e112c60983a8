"""The floors of docs/architecture.md, where the contracts in pyproject.toml cannot say it."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FLOORS = {"protocol", "storage", "doors", "schemas", "ledger", "issuer", "wallet", "verifier", "demo"}
DOORS = {"cli.py", "http.py", "cli", "http", "door", "tui", "browse"}
# The one part of a package that is a program of its own.
ROOMS = {("ledger", "approvals"), ("ledger", "node"), ("ledger", "trust_registry")}
BESIDE = {"tests", "benchmarks", "scripts"}
# Names that say nothing about what is inside.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "core", "service", "misc"}


def python_files() -> Iterator[Path]:
    for file in ROOT.rglob("*.py"):
        path = file.relative_to(ROOT)
        if not any(part.startswith(".") for part in path.parts):
            yield path


@functools.cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def is_door(path: Path) -> bool:
    """Whether this file may show things: tally.py, demo/, and the doors of a package or of a room in it."""
    inside = path.parts[2:] if path.parts[:2] in ROOMS else path.parts[1:]
    return path == Path("tally.py") or path.parts[0] == "demo" or inside[0] in DOORS


FILES = sorted(python_files())


def test_every_file_stands_on_a_floor() -> None:
    homeless = [
        path for path in FILES if path != Path("tally.py") and path.parts[0] not in FLOORS | BESIDE | {"docs"}
    ]
    assert homeless == []


def test_every_name_says_what_is_inside() -> None:
    assert [path for path in FILES if EMPTY_NAMES & {*path.parts[:-1], path.stem}] == []


def test_only_doors_use_what_doors_share() -> None:
    inside = [path for path in FILES if path.parts[0] in FLOORS - {"doors"} and not is_door(path)]
    assert len(inside) > 20
    offenders = [path for path in inside if any(name.split(".")[0] == "doors" for name in imports(path))]
    assert offenders == []


def test_nothing_imports_the_command() -> None:
    floors = [path for path in FILES if path.parts[0] in FLOORS]
    assert [path for path in floors if any(name.split(".")[0] == "tally" for name in imports(path))] == []


def test_nothing_imports_the_tests() -> None:
    floors = [path for path in FILES if path.parts[0] in FLOORS]
    assert [path for path in floors if any(name.split(".")[0] == "tests" for name in imports(path))] == []


def test_only_the_fetcher_and_the_server_open_connections() -> None:
    connecting = {"urllib.request", "http.client", "socket", "ssl"}
    allowed = {
        Path("doors/server.py"),
        Path("ledger/addresses.py"),
        Path("ledger/guarded_network.py"),
        Path("wallet/agent/channel.py"),  # a Unix socket, which leads to nobody outside
    }
    floors = [path for path in FILES if path.parts[0] in FLOORS and path not in allowed]
    assert [path for path in floors if connecting & imports(path)] == []


def test_only_the_fetcher_uses_the_http_client() -> None:
    allowed = {Path("ledger/fetch.py"), Path("ledger/guarded_network.py")}
    floors = [path for path in FILES if path.parts[0] in FLOORS and path not in allowed]
    clients = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "aiohttp"}
    assert [path for path in floors if clients & {name.split(".")[0] for name in imports(path)}] == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tally.py", True),
        ("demo/world.py", True),
        ("wallet/cli.py", True),
        ("ledger/http.py", True),
        ("wallet/cli/list.py", True),
        ("ledger/node/http.py", True),
        ("ledger/node/copy.py", False),
        ("wallet/vault.py", False),
        ("wallet/sub/cli.py", False),
        ("ledger/fetch.py", False),
    ],
)
def test_door_is_known_by_its_place(path: str, expected: bool) -> None:
    assert is_door(Path(path)) is expected

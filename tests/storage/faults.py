"""A disk that fails, or a machine that dies, at the n-th call to it."""

import errno
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage import atomic_file

DISK_CALLS = {
    *("close", "fstat", "fsync", "link", "mkdir", "open", "posix_fallocate"),
    *("read", "rename", "scandir", "stat", "unlink", "write"),
}
EVERY_ERRNO = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE)


Fault = Callable[[int, str, Callable[[], Any]], Any]


class PowerCut(BaseException):
    """The machine died; nothing catches it, and what runs after it does not reach the disk."""


class FaultyDisk:
    """Stands in for the module `os` and counts the calls that reach the disk."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fault: Fault | None = None
        self._open: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return functools.partial(self._call, name, real) if name in DISK_CALLS else real

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Let `fault(number, name, call)` stand in for every call inside the block."""
        self.calls.clear()
        self._open.clear()
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None
            for descriptor in self._open:
                os.close(descriptor)

    def _call(self, name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        call = functools.partial(real, *arguments, **options)
        if self.fault is None:
            return call()
        number = len(self.calls)
        self.calls.append(name)
        result = self.fault(number, name, call)
        if name == "open":
            self._open.add(result)
        elif name == "close":
            self._open.discard(arguments[0])
        return result


def none(_number: int, _name: str, call: Callable[[], Any]) -> Any:
    """Nothing fails; the calls are counted."""
    return call()


def error_at(position: int, code: int) -> Fault:
    """The call at `position` fails with the errno `code`; the disk is well again after it."""

    def fault(number: int, _name: str, call: Callable[[], Any]) -> Any:
        if number == position:
            raise OSError(code, os.strerror(code))
        return call()

    return fault


def power_cut_at(position: int) -> Fault:
    """The machine dies in the call at `position`; a write gets half of its bytes out first."""

    def fault(number: int, name: str, call: Callable[[], Any]) -> Any:
        if number == position and name == "write" and isinstance(call, functools.partial):
            descriptor, data = call.args
            os.write(descriptor, data[: len(data) // 2])
        if number >= position:
            raise PowerCut
        return call()

    return fault


def install(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    """Put a faulty disk under `storage`, which reaches it through one module; it is well until `failing`."""
    disk = FaultyDisk()
    monkeypatch.setattr(atomic_file, "os", disk)
    return disk

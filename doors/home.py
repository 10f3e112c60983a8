"""Where the program keeps its files.

`TALLY_HOME` moves everything under one folder (a demo, a test, a stick); without it the places are the
platform's own, as `platformdirs` knows them. Each role has a folder of its own, which nobody else on the
machine may enter.
"""

import os
import stat
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError

_APPLICATION = "tallystick"


def data_folder(role: str, *, make: bool = True) -> Path:
    """The folder for what `role` must not lose (keys, credentials, registers), made on first use.

    A command that only reads does not `make` it; then there may be none.

    Raises:
        RefusedError: others could enter the folder, it is not ours, it cannot be made, or TALLY_HOME is none.
    """
    home = _home()
    if home is None:
        from platformdirs import user_data_path

        home = user_data_path(_APPLICATION, appauthor=False)
    return _private_folder(home / role, make=make)


def state_folder(role: str, *, make: bool = True) -> Path:
    """The folder for what `role` remembers about this machine (last seen states), made on first use.

    It lies apart from the data, so that restoring an old copy of the data does not turn back the memory
    that would notice it. `make` as in `data_folder`.

    Raises:
        RefusedError: others could enter the folder, it is not ours, it cannot be made, or TALLY_HOME is none.
    """
    home = _home()
    if home is None:
        from platformdirs import user_state_path

        return _private_folder(user_state_path(_APPLICATION, appauthor=False) / role, make=make)
    return _private_folder(home / "state" / role, make=make)


def runtime_folder(role: str, *, make: bool = True) -> Path:
    """The folder for the sockets of `role`, which are worth nothing after a restart.

    Where the platform has no such place of this user's own, it is the one for states: never the folder for
    temporary files, where others could be first. `make` as in `data_folder`.

    Raises:
        RefusedError: others could enter the folder, it is not ours, it cannot be made, or TALLY_HOME is none.
    """
    home = _home()
    if home is not None:
        return _private_folder(home / "run" / role, make=make)
    if not os.environ.get("XDG_RUNTIME_DIR"):
        return state_folder(role, make=make)
    from platformdirs import user_runtime_path

    return _private_folder(user_runtime_path(_APPLICATION, appauthor=False) / role, make=make)


def _home() -> Path | None:
    configured = os.environ.get("TALLY_HOME")
    if not configured:
        return None
    home = Path(configured).absolute()
    if home.exists() and not home.is_dir():
        raise RefusedError(Code.SETTINGS_INVALID, f"TALLY_HOME: {home} is not a folder")
    return home


def _private_folder(folder: Path, *, make: bool) -> Path:
    if not make and not os.path.lexists(folder):
        return folder
    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except PermissionError as error:
        raise RefusedError(Code.FOLDER_NOT_WRITABLE, str(folder)) from error
    except OSError as error:
        raise RefusedError(Code.DISK_ERROR, f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise RefusedError(Code.VAULT_PERMISSIONS, str(folder))
    return folder

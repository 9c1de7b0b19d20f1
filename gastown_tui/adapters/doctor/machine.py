"""What a machine has: limits, memory, disk, language, and how its logins end."""

from __future__ import annotations

import configparser
import getpass
import locale
import os
import resource
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from gastown_tui import __version__
from gastown_tui.adapters.memory import free_memory
from gastown_tui.adapters.runtime_dir import runtime_place
from gastown_tui.domain.doctor.machine import MachineFacts
from gastown_tui.domain.errors import GastownError


def look(town: Path, env: Mapping[str, str], max_working: int) -> MachineFacts:
    """The machine as it is now.

    Args:
        town: the town, or where one would be.
        env: the person's environment.
        max_working: of the town's settings.
    """
    soft, hard = (_limit(value) for value in resource.getrlimit(resource.RLIMIT_NOFILE))
    place = next(path for path in (town, *town.parents) if path.exists())
    free, total = free_memory()
    encoding, is_known = _encoding()
    runtime, problem = _runtime(town, env)
    return MachineFacts(
        version=__version__,
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        executable=sys.executable,
        files_soft=soft,
        files_hard=hard,
        watches=_inotify("watches"),
        instances=_inotify("instances"),
        disk_free=shutil.disk_usage(place).free,
        disk_path=str(place),
        is_writable=os.access(place, os.W_OK),
        memory_free=free,
        memory_total=total,
        max_working=max_working,
        encoding=encoding,
        locale=_deciding(env),
        is_locale_known=is_known,
        runtime=runtime,
        runtime_problem=problem,
        kills_user_processes=_kills_user_processes(),
        lingers=_lingers(),
    )


def _limit(value: int) -> int | None:
    return None if value == resource.RLIM_INFINITY else value


def _inotify(what: str) -> int | None:
    """The limit of a user, or that of a container's user namespace where it is lower."""
    paths = (f"/proc/sys/fs/inotify/max_user_{what}", f"/proc/sys/user/max_inotify_{what}")
    found = [number for path in paths if (number := _number(Path(path))) is not None]
    return min(found, default=None)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _deciding(env: Mapping[str, str]) -> str:
    """The variable that says which language it is, as setlocale(3) looks for it."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if env.get(name):
            return f"{name}={env[name]}"
    return ""


def _encoding() -> tuple[str, bool]:
    """The encoding of the login's language, and whether that language is installed."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "")
        return locale.nl_langinfo(locale.CODESET), True
    except locale.Error:
        return "ASCII", False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _runtime(town: Path, env: Mapping[str, str]) -> tuple[str, str]:
    """Where the sockets are, or what stands in the way and what to do."""
    try:
        return str(runtime_place(town, env)), ""
    except GastownError as error:
        return error.message, error.hint


def _kills_user_processes() -> bool:
    """What logind.conf(5) says; where it says nothing, distributions leave processes alone."""
    if not Path("/run/systemd/system").is_dir():
        return False
    files = [Path("/etc/systemd/logind.conf")]
    for base in ("/usr/lib", "/run", "/etc"):  # drop-ins come after the file, the last one wins
        files += sorted(Path(base, "systemd/logind.conf.d").glob("*.conf"))
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read(files, encoding="utf-8")
        return parser.getboolean("Login", "KillUserProcesses", fallback=False)
    except (configparser.Error, ValueError, UnicodeDecodeError):
        return False


def _lingers() -> bool:
    try:
        return Path("/var/lib/systemd/linger", getpass.getuser()).exists()
    except (OSError, KeyError):
        return False  # nobody by that number: nobody is excepted

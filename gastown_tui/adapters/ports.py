"""A slot for each worktree: a number and 100 ports, no two worktrees of this machine the same.

All towns of a person share one list, beside that of the towns used (`ports.json` there), so that
two towns do not meet either. A worktree keeps its slot for as long as its folder is there, as
what set-up has written down may name it; a slot is given only when all its ports are free.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.used_towns import state_file
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.workplaces import PORTS, Slot
from gastown_tui.services.files import write_private

FIRST: Final = 20_000
LAST: Final = 32_000
"""Below 32768, where Linux begins to give ports to outgoing connections."""
_LARGEST: Final = 1_000_000
"""Bytes; a longer file is not ours."""


def list_file(env: Mapping[str, str], town: Path) -> Path:
    """Where slots are written down: in the person's state folder, or in the town's private one."""
    towns = state_file(env)
    if towns is not None:
        with contextlib.suppress(OSError):
            towns.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(towns.parent, os.W_OK):
                return towns.with_name("ports.json")
    return town / ".gastown" / "ports.json"


def take_slot(path: Path, env: Mapping[str, str], town: Path) -> Slot:
    """The slot of a worktree, the one it has or a free one.

    Args:
        path: the worktree, which is there.
        env: the person's environment.
        town: the town's folder.

    Raises:
        Unavailable: no 100 ports in a row are free.
        OSError: the list cannot be written.
    """
    wanted = str(path.resolve())
    with _alone(list_file(env, town)) as file:
        known = {place: base for place, base in _read(file).items() if Path(place).is_dir()}
        base = known.get(wanted) or _free(set(known.values()))
        if known.get(wanted) != base:
            write_private(file, msgspec.json.encode(known | {wanted: base}).decode() + "\n")
    return Slot(number=(base - FIRST) // PORTS + 1, port_base=base)


def drop_slots(folder: Path, env: Mapping[str, str], town: Path) -> None:
    """Forget the slots of all worktrees below a folder; an empty list goes away with them."""
    file = list_file(env, town)
    if not file.exists():
        return
    above = f"{folder.resolve()}/"
    with _alone(file):
        kept = {
            one: base
            for one, base in _read(file).items()
            if not f"{one}/".startswith(above) and Path(one).is_dir()
        }
        if kept:
            write_private(file, msgspec.json.encode(kept).decode() + "\n")
            return
        file.unlink(missing_ok=True)
        file.with_suffix(".lock").unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[Path]:
    """Change the list alone; the lock is a file beside it, which may be taken away meanwhile."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = file.with_suffix(".lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not _is(lock, descriptor):
                continue
            yield file
            return
        finally:
            os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read(file: Path) -> dict[str, int]:
    try:
        with file.open("rb") as opened:
            known = msgspec.json.decode(opened.read(_LARGEST), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}  # never written, or damaged: worktrees get new slots
    return {one: base for one, base in known.items() if base in range(FIRST, LAST, PORTS)}


def _free(taken: Iterable[int]) -> int:
    taken = set(taken)
    for base in range(FIRST, LAST, PORTS):
        if base not in taken and all(is_free(port) for port in range(base, base + PORTS)):
            return base
    raise Unavailable(
        f"no {PORTS} ports in a row are free between {FIRST} and {LAST}",
        hint="end programs that listen there, or take worktrees away",
    )


def is_free(port: int) -> bool:
    """Whether nobody listens on a TCP port of this machine."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104
        try:
            with socket.socket(family, socket.SOCK_STREAM) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                continue  # a machine without IPv6
            return False
    return True

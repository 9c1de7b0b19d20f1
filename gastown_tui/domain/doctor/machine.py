"""The machine and the login: Python, limits, memory, disk, language, sockets."""

from __future__ import annotations

from typing import Final

import msgspec

from gastown_tui.domain.doctor.finding import Finding, fail, ok, size, warn

OLDEST_PYTHON: Final = (3, 11)
FEW_FILES: Final = 1024
"""Descriptors: the host needs three a session, and what agents start needs many more."""
FEWEST_FILES: Final = 256
FEW_WATCHES: Final = 65536
"""Folders watched: a development server takes one for each folder of its project."""
FEW_INSTANCES: Final = 128
LEAST_DISK: Final = 20_000_000
"""Bytes below which a town starts and lands nothing."""
LITTLE_DISK: Final = 5_000_000_000
AN_AGENT: Final = 1_000_000_000
"""Bytes for one that works: 260 to 730 MB for Claude Code, the rest for the tests it runs."""
FOR_THE_REST: Final = 2_000_000_000
"""Bytes left to the person's own programs."""


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of the machine; None where it cannot be told here."""

    version: str
    """Of gastown itself."""
    python: tuple[int, int, int]
    executable: str
    files_soft: int | None = None
    """Open files a process may have; None for no limit."""
    files_hard: int | None = None
    watches: int | None = None
    """inotify watches of a user."""
    instances: int | None = None
    disk_free: int
    """Bytes where the town is, or would be."""
    disk_path: str
    is_writable: bool = True
    """Whether anything can be written there at all."""
    memory_free: int
    """Bytes that programs could get, also within a container's limit."""
    memory_total: int
    max_working: int = 4
    encoding: str
    """Of the login's character type, such as `UTF-8`."""
    locale: str
    """The variable that decides, such as `LANG=de_DE`; empty when none is set."""
    is_locale_known: bool = True
    """Whether that locale is installed."""
    runtime: str
    """The folder of the sockets; a problem's words when there can be none."""
    runtime_problem: str = ""
    kills_user_processes: bool = False
    """Whether the login manager ends what a person left running at logout."""
    lingers: bool = False
    """Whether this person is excepted."""


def of_machine(facts: MachineFacts) -> list[Finding]:
    """Findings about the machine, one a subject."""
    return [
        _python(facts),
        _files(facts),
        *_inotify(facts),
        _disk(facts),
        _memory(facts),
        _language(facts),
        _sockets(facts),
        *_logout(facts),
    ]


def _python(facts: MachineFacts) -> Finding:
    text = f"{'.'.join(map(str, facts.python))}, {facts.executable}; gastown {facts.version}"
    if facts.python[:2] < OLDEST_PYTHON:
        return fail("python", text, "install gastown with Python 3.11 or later")
    return ok("python", text)


def _files(facts: MachineFacts) -> Finding:
    soft, hard = facts.files_soft, facts.files_hard
    if soft is None:
        return ok("open files", "no limit")
    text = f"{soft} a process"
    if soft >= FEW_FILES:
        return ok("open files", text)
    most = FEW_FILES * 4 if hard is None else min(hard, FEW_FILES * 4)
    if most > soft:
        remedy = f"ulimit -n {most}, in your shell's start-up file"
    else:
        remedy = "raise nofile in /etc/security/limits.conf, and log in again"
    return (fail if soft < FEWEST_FILES else warn)("open files", f"only {text}", remedy)


def _inotify(facts: MachineFacts) -> list[Finding]:
    if facts.watches is None or facts.instances is None:
        return []
    text = f"{facts.watches} watches, {facts.instances} instances"
    low = [
        f"fs.inotify.{name}={wanted}"
        for name, value, least, wanted in (
            ("max_user_watches", facts.watches, FEW_WATCHES, 524288),
            ("max_user_instances", facts.instances, FEW_INSTANCES, 512),
        )
        if value < least
    ]
    if low:
        text += ": development servers of many agents run out of them"
        return [warn("inotify", text, f"sudo sysctl -w {' '.join(low)}")]
    return [ok("inotify", text)]


def _disk(facts: MachineFacts) -> Finding:
    text = f"{size(facts.disk_free)} free at {facts.disk_path}"
    if not facts.is_writable:
        where = f"{facts.disk_path} cannot be written to"
        return fail("disk", where, "see its owner and mount, or name another folder for the town")
    if facts.disk_free < LEAST_DISK:
        return fail("disk", f"{text}: the town starts nothing so", "make room there")
    if facts.disk_free < LITTLE_DISK:
        return warn("disk", f"{text}: each sandbox is a work tree of its own", "make room there")
    return ok("disk", text)


def room_for(memory_free: int) -> int:
    """How many agents may work at once in so much memory (bytes)."""
    return max(0, (memory_free - FOR_THE_REST) // AN_AGENT)


def _memory(facts: MachineFacts) -> Finding:
    room = room_for(facts.memory_free)
    text = (
        f"{size(facts.memory_free)} of {size(facts.memory_total)} free: at {size(AN_AGENT)} each "
        f"room for {room} agents at work; max_working is {facts.max_working}"
    )
    if room >= facts.max_working:
        return ok("memory", text)
    return warn(
        "memory", text,
        f"max_working = {max(1, room)} under [limits] in town.toml, or end other programs",
    )  # fmt: skip


def _language(facts: MachineFacts) -> Finding:
    what = facts.locale or "no LANG"
    if not facts.is_locale_known:
        return warn(
            "language", f"{what}: that locale is not installed here",
            "export LANG=C.UTF-8, or install it (locale-gen)",
        )  # fmt: skip
    if facts.encoding.upper().replace("-", "") != "UTF8":
        return warn(
            "language", f"{what} means {facts.encoding}: agents and the screen write UTF-8",
            "export LANG=C.UTF-8, in your shell's start-up file",
        )  # fmt: skip
    return ok("language", f"UTF-8 ({what})")


def _sockets(facts: MachineFacts) -> Finding:
    if facts.runtime_problem:
        return fail("sockets", facts.runtime, facts.runtime_problem)
    return ok("sockets", facts.runtime)


def _logout(facts: MachineFacts) -> list[Finding]:
    if not facts.kills_user_processes:
        return []
    if facts.lingers:
        return [ok("logout", "the login manager ends processes at logout, but not yours")]
    return [
        warn(
            "logout",
            "the login manager ends your processes at logout (KillUserProcesses): agents with them",
            "loginctl enable-linger",
        )
    ]

"""The last step before a spawn: command line, environment and files of one start, written down."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.explain import launched
from gastown_tui.domain.agents.launch import LaunchContext, LaunchSpec, launch
from gastown_tui.domain.errors import (
    BadInput,
    CannotStart,
    Damaged,
    Forbidden,
    NotFound,
    Unavailable,
)
from gastown_tui.domain.town import Agent
from gastown_tui.services.context import Context
from gastown_tui.services.files import write_private

RECORD = "launch.json"
"""Beside a session's settings: what it was started with, without a value of its environment."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def told_as_start() -> Iterator[None]:
    """What keeps an agent from starting, told as that.

    Raises:
        CannotStart: the reason seldom mends itself.
        Unavailable: it does, such as a full disk.
    """
    try:
        yield
    except (BadInput, NotFound, Forbidden, Damaged) as error:
        raise CannotStart(error.message, hint=error.hint) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror or error}"
        if error.errno in _FULL:
            raise Unavailable(text, hint="make room on the disk") from error
        raise CannotStart(text, hint="look at its owner and mode") from error


def prepare_launch(
    context: Context, agent: Agent, entry: AgentEntry, start: LaunchContext
) -> LaunchSpec:
    """Make a start's specification, write its files, and look for its program.

    Raises:
        CannotStart: the entry and the rig's settings do not fit, a file cannot be written, or
            the program is not there.
        Unavailable: the disk is full.
    """
    with told_as_start():
        spec = launch(entry, start)
        for path, text in spec.files.items():
            write_private(path, text)
        record = msgspec.json.encode(launched(entry, start, spec))
        write_private(context.paths.session_file(agent, RECORD), record.decode())
    if why := context.machine.lacks(spec.argv[0], spec.env.get("PATH", ""), start.cwd):
        raise CannotStart(why, hint=what_to_do(entry, spec.argv[0], why))
    return spec


def what_to_do(entry: AgentEntry, program: str, why: str) -> str:
    """What helps when the program of an agent cannot be run, for the reason told."""
    name = entry.about if program == entry.command and entry.about else program
    what = "make it executable (chmod +x)" if "not executable" in why else f"install {name}"
    return f"{what} or choose another agent (`gastown agents --catalogue`)"

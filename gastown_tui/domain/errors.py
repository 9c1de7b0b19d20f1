"""Everything that can be refused, as one tree.

::

    GastownError             one clear line, and what to do about it
     ├─ UserError            the request cannot be met as asked: nothing was changed
     │   ├─ BadInput         a name, id, option or file that is not what it must be
     │   ├─ NotFound         no such bead, agent, rig, request or session
     │   ├─ Conflict         somebody else was first, or the state has moved on
     │   │   └─ CannotStart  an agent's start failed, and time alone does not mend that
     │   └─ Forbidden        this verb is not for this caller
     ├─ Unavailable          a daemon, program or remote that is needed does not answer
     ├─ Damaged              a file or store is not what we wrote: shown, never overwritten
     └─ ProtocolError        a peer sent a frame we cannot read
"""

from __future__ import annotations


class GastownError(Exception):
    """Base of all refusals; `hint` says what the reader can do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        """One line: what is wrong."""
        self.hint = hint
        """One line: what to do, or empty."""

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class UserError(GastownError):
    """The request cannot be met as asked; nothing was changed."""


class BadInput(UserError):  # noqa: N818 - reads as what it is
    """A name, id, option or file that is not what it must be."""


class NotFound(UserError):  # noqa: N818
    """No such bead, agent, rig, request or session."""


class Conflict(UserError):  # noqa: N818
    """Somebody else was first, or the state has moved on."""


class CannotStart(Conflict):
    """An agent could not be started, or made ready, for a reason that seldom mends itself."""


class Forbidden(UserError):  # noqa: N818
    """This verb is not for this caller."""


class Unavailable(GastownError):  # noqa: N818
    """A daemon, program or remote that is needed does not answer."""


class Damaged(GastownError):  # noqa: N818
    """A file or store is not what we wrote; it is shown, never overwritten."""


class ProtocolError(GastownError):
    """A peer sent a frame that cannot be read."""

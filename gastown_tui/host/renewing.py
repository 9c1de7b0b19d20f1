"""When another build takes over: tried out first, then daemons and what is under way end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gastown_tui import protocol
from gastown_tui.domain.errors import Conflict, GastownError, Unavailable
from gastown_tui.host.renewal import PATIENCE_S, NextHost, State
from gastown_tui.host.runs import Asker, Runs, refusal
from gastown_tui.host.supervisor import Supervisor

_log: Final = logging.getLogger("gastown.host")
_TURN_S: Final = 0.05


class Renewing:
    """The host's becoming another build; all times given are seconds of the monotonic clock."""

    def __init__(
        self, town: Path, daemons: Mapping[str, str], runs: Runs, supervisor: Supervisor
    ) -> None:
        self._town, self._daemons = town, daemons
        self._runs, self._supervisor = runs, supervisor
        self._asked: tuple[protocol.Renew, Asker, NextHost] | None = None
        self._give_up_at = 0.0
        self.due: float | None = None
        """When `tick` wants to be called, None when nobody has asked."""

    def ask(self, frame: protocol.Renew, asker: Asker, state: State, now: float) -> None:
        """Try the other build out, and begin to make way for it.

        Raises:
            BadInput: what is named is no interpreter.
            Conflict: somebody has asked already, or the host is shutting down.
            Unavailable: that build does not start; all is as before.
        """
        if self._asked is not None or self._runs.closing:
            raise Conflict("the host is being renewed or shut down already")
        following = NextHost(frame.python, self._town, self._daemons)
        following.try_out(state)
        _log.info("another build takes over, asked by process %d", asker.pid)
        self._asked = frame, asker, following
        self._runs.renewing = True
        self._supervisor.stop(now)
        self._give_up_at, self.due = now + PATIENCE_S, now

    def tick(self, state: Callable[[], State], now: float) -> None:
        """Take over once all is ready; after half a minute go on as before."""
        if self._asked is None:
            return
        self.due = now + _TURN_S
        frame, asker, following = self._asked
        if self._runs.closing:
            self._stay(Conflict("the host is shutting down"), now)
        elif self._runs.idle and not self._supervisor.pids():
            asker.send(protocol.Done(req=frame.req))
            try:
                following.take_over(state())
            except GastownError as error:
                self._stay(error, now)
        elif now > self._give_up_at:
            self._stay(Unavailable("a run or daemon does not end; nothing was changed"), now)

    def _stay(self, error: GastownError, now: float) -> None:
        if self._asked is None:
            return
        frame, asker, _ = self._asked
        _log.warning("the host is not renewed: %s", error)
        self._asked, self.due = None, None
        self._runs.renewing = False
        asker.send(refusal(frame.req, error))
        if not self._runs.closing:
            self._supervisor.go_on(now)

"""Requests of the screen under way on one connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gastown_tui import protocol
from gastown_tui.domain.errors import GastownError, ProtocolError, Unavailable

_ANSWER_S: Final = 40.0
"""How long an answer may take; the controller itself gives up after 30."""
_T = TypeVar("_T")


class Asker:
    """Requests under way on one connection, each answered once or broken off."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, send: Callable[[int], bool], kind: type[_T]) -> _T:
        """Send a request under a new number and wait for the answer.

        Raises:
            GastownError: it was refused, or the connection is or goes away.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if not send(number):
                raise self.gone()
            found = await asyncio.wait_for(answer, _ANSWER_S)
        except TimeoutError as error:
            raise Unavailable(f"the {self._what} does not answer") from error
        finally:
            self._waiting.pop(number, None)
        if isinstance(found, protocol.Failed):
            raise GastownError(found.message, hint=found.hint)
        if not isinstance(found, kind):
            raise ProtocolError(f"the {self._what} answered with something else")
        return found

    def gone(self) -> Unavailable:
        """What is raised while there is no connection."""
        return Unavailable(f"the {self._what} is not running", hint="`gastown up` starts it")

    def answered(self, frame: object) -> bool:
        """Give an answer to who waits for it; False when nobody does."""
        waiting = self._waiting.get(getattr(frame, "req", 0))
        if waiting is None or waiting.done():
            return False
        waiting.set_result(frame)
        return True

    def break_off(self) -> None:
        """The connection has gone: nobody waits any longer."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self.gone())

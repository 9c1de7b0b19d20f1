"""Decides when which session's picture and signals go to whom.

One look at a terminal serves all its views and watchers. Only sessions in which somebody could
see something new are kept track of; what is due is sent in slices of a few milliseconds, so that
keys are taken between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from gastown_tui.screens.clients import Client
from gastown_tui.screens.loop import NEVER
from gastown_tui.screens.session import Session
from gastown_tui.screens.signals import NOTICES, signals_of
from gastown_tui.screens.view import URGENT_S, View

SLICE_S: Final = 0.002
"""How long frames are made before descriptors are looked at again, if nothing is pressing."""


class Publisher:
    """Views and watchers of all sessions, and the times at which they are due."""

    def __init__(self, sessions: dict[str, Session], pressed: Callable[[], bool]) -> None:
        """`pressed` says whether somebody has typed meanwhile, or gets an answer to it."""
        self._sessions, self._pressed = sessions, pressed
        self._views: dict[str, dict[Client, View]] = {}
        self._watchers: set[Client] = set()
        self._due: dict[str, float] = {}
        self._next = NEVER
        self._hurried: dict[str, float] = {}
        self._pending: set[Client] = set()

    def subscribe(self, client: Client, session: str, view: View) -> None:
        """`client` shows `session` in `view`."""
        client.views[session] = view
        self._views.setdefault(session, {})[client] = view
        self.touch(session)

    def unsubscribe(self, client: Client, session: str) -> None:
        """It does no longer."""
        client.views.pop(session, None)
        views = self._views.get(session, {})
        views.pop(client, None)
        if not views:
            self._views.pop(session, None)

    def is_viewed(self, session: str) -> bool:
        """Whether anybody shows `session`."""
        return session in self._views

    def watch(self, client: Client) -> None:
        """`client` gets all signals, starting with those of now."""
        self._watchers.add(client)
        client.owed.update({name: [] for name in self._sessions})
        self._pay(client)
        for name in self._sessions:
            self.touch(name)  # what changed while nobody watched

    def drop(self, client: Client) -> None:
        """`client` has gone."""
        self._watchers.discard(client)
        self._pending.discard(client)
        for session in list(client.views):
            self.unsubscribe(client, session)

    def caught_up(self, client: Client) -> None:
        """`client` has taken what it was sent."""
        self._pay(client)
        for session in client.views:
            self.touch(session)

    def restart(self, session: str) -> None:
        """Another run has the name: its viewers get a whole picture."""
        for view in self._views.get(session, {}).values():
            view.restart()
        self.touch(session)

    def hurry(self, client: Client, session: str) -> None:
        """`client` has typed into `session`: what comes back is shown before all else."""
        now = time.monotonic()
        if view := client.views.get(session):
            view.hurry(now)
            self._hurried[session] = now + URGENT_S
        self.touch(session)

    def hurried(self, now: float) -> set[str]:
        """The sessions that somebody types into at this moment."""
        return {name for name, until in self._hurried.items() if until > now}

    def touch(self, name: str) -> None:
        """Something changed in a session, or somebody is ready for its next frame."""
        session = self._sessions.get(name)
        if session is None:
            return
        due = self._when(session, time.monotonic())
        if due == NEVER:
            self._due.pop(name, None)
        else:
            self._due[name] = due
            self._next = min(self._next, due)

    def _when(self, session: Session, now: float) -> float:
        first = NEVER
        version, stale = session.screen.version, session.is_stale
        for client, view in self._views.get(session.name, {}).items():
            if (stale or view.version != version) and not client.is_behind:
                first = min(first, view.due(now))
        if self._watchers and session.signals.changed:
            first = min(first, session.signals.due(now))
        return first

    def flush(self, now: float) -> float:
        """Send what is due; returns when to come again."""
        if self._next > now:
            self._send()
            return self._next
        stop, is_over = now + SLICE_S, False
        self._next = NEVER
        for name in self._order(now):
            if self._due[name] > now:
                self._next = min(self._next, self._due[name])
            elif is_over or time.monotonic() > stop:
                self._next = 0.0
                break
            else:
                self._publish(name, now)
                if name in self._hurried:
                    self._send()
                is_over = self._pressed()
        self._send()
        return self._next

    def _order(self, now: float) -> list[str]:
        if not self._hurried:
            return list(self._due)
        for name in [name for name, until in self._hurried.items() if until < now]:
            del self._hurried[name]
        first = [name for name in self._hurried if name in self._due]
        return first + [name for name in self._due if name not in self._hurried]

    def _publish(self, name: str, now: float) -> None:
        session = self._sessions.get(name)
        if session is None:
            del self._due[name]
            return
        session.refresh()
        screen = session.screen
        for client, view in self._views.get(name, {}).items():
            if view.version != screen.version and not client.is_behind and view.due(now) <= now:
                client.send(view.frame(name, screen, session.generation, now))
                self._pending.add(client)
        if self._watchers and session.signals.changed and session.signals.due(now) <= now:
            self._signal(session, now)
        self.touch(name)

    def _signal(self, session: Session, now: float) -> None:
        session.signals.changed = False
        session.signals.sent_at = now
        notices = session.guarded.terminal.take_notices() if session.guarded else []
        for client in self._watchers:
            client.owed[session.name] = [*client.owed.get(session.name, ()), *notices][-NOTICES:]
        self._share(session, self._watchers)

    def _share(self, session: Session, clients: Iterable[Client]) -> None:
        """Send one signal to the clients that owe nothing else and are not behind."""
        for client in clients:
            if not client.is_behind:
                client.send(signals_of(session, client.owed.pop(session.name, [])))
                self._pending.add(client)

    def _pay(self, client: Client) -> None:
        """Send the signals that were due while `client` was behind."""
        for name in list(client.owed):
            session = self._sessions.get(name)
            if session is None:
                del client.owed[name]
                continue
            session.refresh()
            self._share(session, (client,))

    def queued(self, client: Client) -> None:
        """`client` was sent something by somebody else."""
        self._pending.add(client)

    def _send(self) -> None:
        while self._pending:
            self._pending.pop().flush()

"""Takes in what other programs write to the beads: edits of the file, and calls of `bd`."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from gastown_tui.domain.errors import GastownError

log = logging.getLogger("gastown.outsiders")
SWEEP_S: Final = 5.0
"""A look at every store at least this often, for what no signal told."""
Edit: TypeAlias = tuple[str, tuple[str, ...]]
"""A bead and its fields that were changed; none for a bead that is new."""
_MOST: Final = 6
"""Beads, and fields of each, that an event names."""
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SHARE: Final = 4.0
"""A look is followed by a rest so many times as long, so that it takes a fifth of a processor."""


class Absorbed(Protocol):
    """What a store took in."""

    @property
    def changed(self) -> Sequence[str]:
        """Ids of the beads that are different."""


class Absorbing(Protocol):
    """A store that others may write to behind its back."""

    def absorb(self) -> Absorbed:
        """Take in what they wrote; cheap when that is nothing."""

    def outside_edits(self) -> Sequence[Edit]:
        """What they changed in the file since this was asked last."""


class Edits(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a bead file past the verbs, and so past what they guard."""

    count: int
    """Of the beads."""
    beads: tuple[Edit, ...]
    """The first of them, with the fields."""


def in_words(edits: Edits, kinds: Mapping[str, str]) -> str:
    """The edits as an event tells them.

    Args:
        edits: at least one.
        kinds: types of the beads that guards are about, by id.
    """
    told = []
    for bead, fields in edits.beads:
        kind = f"the {kinds[bead]} " if bead in kinds else ""
        named = [name for name in fields if name != "updated_at" and _FIELD.fullmatch(name)]
        told.append(
            f"{kind}{bead} ({', '.join(named[:_MOST]) or ('new', 'odd keys')[bool(fields)]})"
        )
    more = f" and {edits.count - len(told)} more" if edits.count > len(told) else ""
    return f"issues.jsonl was edited outside gastown: {', '.join(told)}{more}"


class Outsiders:
    """Follows a few stores.

    Args:
        stores: by name of the rig, empty for the town's own.
        changed: called after something was taken in.
        tell: called with a name and why its store cannot be read; with an empty text once it can.
        edited: called with a name and what others changed in its file.
        sweep_s: seconds between two looks that nothing asked for.
    """

    def __init__(
        self,
        stores: Callable[[], Mapping[str, Absorbing]],
        changed: Callable[[], None],
        tell: Callable[[str, str], None],
        edited: Callable[[str, Edits], None],
        *,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._stores = stores
        self._changed = changed
        self._tell = tell
        self._edited = edited
        self._sweep_s = sweep_s
        self._asked = asyncio.Event()
        self._busy: set[str] = set()
        self._again: set[str] = set()
        """Names for which a look was asked while one was under way."""
        self._told: dict[str, str] = {}

    def look(self) -> None:
        """Look soon: something was written."""
        self._asked.set()

    async def run(self) -> None:
        """Look when asked to, and every few seconds; for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._asked.clear()
                for name, store in self._stores().items():
                    if name not in self._busy:  # one that takes long holds up no other
                        self._busy.add(name)
                        group.create_task(self._absorb(name, store))
                try:
                    async with asyncio.timeout(self._sweep_s):
                        await self._asked.wait()
                        self._again.update(self._busy)
                except TimeoutError:
                    continue

    async def _absorb(self, name: str, store: Absorbing) -> None:
        """Look at a store in a thread, and rest."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        why = ""
        try:
            has_changed, edits = await asyncio.to_thread(_look, store)
            if has_changed:
                self._changed()
            if edits is not None:
                self._edited(name, edits)
        except GastownError as error:
            why = str(error)
        except Exception as error:  # the town goes on with what it has read
            log.exception("beads of %s cannot be read", name or "the town")
            why = f"{type(error).__name__}: {error}"
        if self._told.get(name, "") != why:
            self._told[name] = why
            self._tell(name, why)
        await asyncio.sleep(_SHARE * (loop.time() - began))
        self._busy.discard(name)
        if name in self._again:
            self._again.discard(name)
            self.look()


def _look(store: Absorbing) -> tuple[bool, Edits | None]:
    """Take in what others wrote: whether that is anything, and what they did to the file."""
    has_changed = bool(store.absorb().changed)
    fields: dict[str, tuple[str, ...]] = {}
    for bead, named in store.outside_edits():
        fields[bead] = tuple(dict.fromkeys((*fields.get(bead, ()), *named)))
    if not fields:
        return has_changed, None
    return has_changed, Edits(count=len(fields), beads=tuple(fields.items())[:_MOST])

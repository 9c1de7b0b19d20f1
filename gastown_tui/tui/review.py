"""A review in the diff view: what is shown, what was seen, what is going to be said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gastown_tui.domain.review import Comment, Look, review_prompt, without
from gastown_tui.protocol import DiffText
from gastown_tui.viewmodels.diff import Diff, Row, parse
from gastown_tui.viewmodels.diff_notes import (
    changed_in,
    comment_of,
    fingerprint,
    notes_of,
    seen_files,
    with_notes,
)
from gastown_tui.viewmodels.text import Line, age, plural

_SENT_SHOWN: Final = 40
"""Comments of the last round that are kept."""


class Review:
    """One change under review; `keep` is called with each new look, so that nothing is lost."""

    def __init__(
        self,
        found: DiffText,
        look: Look,
        *,
        keep: Callable[[Look], None] = lambda _look: None,
        since: Callable[[Look], Awaitable[DiffText | None]] | None = None,
    ) -> None:
        """`since` asks for the diff since a look; None where there is none to be had."""
        self.found = found
        self.look = look
        self.whole = parse(found.text)
        self.is_since = False
        self._before = look
        self._keep, self._ask_since = keep, since
        self._since: Diff | None = None

    @property
    def bare(self) -> Diff:
        """What is under review now, without notes."""
        return self._since if self.is_since and self._since is not None else self.whole

    @property
    def diff(self) -> Diff:
        """What is shown: notes between the lines."""
        town = self.found.notes if not self.is_since else ()
        return with_notes(self.bare, notes_of(self.bare, self.look, town))

    @property
    def seen(self) -> frozenset[int]:
        """Files that are marked as seen; the marks are on the whole change."""
        marked = seen_files(self.whole, self.look)
        paths = {self.whole.files[at].path for at in marked}
        return frozenset(n for n, one in enumerate(self.bare.files) if one.path in paths)

    @property
    def has_news(self) -> bool:
        """Whether the change is another one than at the last look."""
        known = self._before.tip
        return bool(known and self._ask_since is not None and known != self.found.tip)

    def words(self, now: float) -> Line:
        """What the title line says of the review."""
        parts: list[tuple[str, str]] = []
        if self.is_since:
            parts.append((" since your last look ", "chip"))
        elif self.has_news:
            ago = age(now - self._before.at) if self._before.at else ""
            parts.append((f" new since you looked{ago and f' {ago} ago'} ", "alert"))
        if marked := len(seen_files(self.whole, self.look)):
            parts.append((f"  seen {marked}/{len(self.whole.files)}", "muted"))
        if self.look.comments:
            parts.append((f"  {plural(len(self.look.comments), 'comment')} not sent", "ask"))
        return tuple(parts)

    async def toggle_since(self) -> str:
        """Show what is new since the last look, or all again; what is in the way, if anything."""
        if self.is_since:
            self.is_since = False
            return ""
        if not self._before.tip or self._ask_since is None:
            return "this is your first look at it"
        if not self.has_news:
            return "nothing is new since your last look"
        if self._since is None:
            found = await self._ask_since(self._before)
            if found is None:
                return "it cannot be compared with what you saw"
            self._since = parse(found.text)
        self.is_since = True
        return ""

    def _update(self, look: Look) -> None:
        self.look = look
        self._keep(look)

    def looked(self, now: float) -> None:
        """Record that this tip has been seen."""
        base, tip = self.found.base, self.found.tip
        self._update(msgspec.structs.replace(self.look, base=base, tip=tip, at=now))

    def toggle_seen(self, file: int) -> bool:
        """Mark a file as seen, or take the mark away; whether it is marked now."""
        path = self.bare.files[file].path
        at = next((n for n, one in enumerate(self.whole.files) if one.path == path), -1)
        seen = dict(self.look.seen)
        is_marked = file in self.seen
        if is_marked or at < 0:
            seen.pop(path, None)
        else:
            seen[path] = fingerprint(self.whole, at)
        there = {one.path for one in self.whole.files}
        seen = {one: print_ for one, print_ in seen.items() if one in there}
        self._update(msgspec.structs.replace(self.look, seen=seen))
        return not is_marked and at >= 0

    def next_unseen(self, file: int) -> int:
        """The next file that is not marked, round and round; the same one when all are."""
        many, seen = len(self.bare.files), self.seen
        order = [(file + step) % many for step in range(1, many)] if many else []
        return next((at for at in order if at not in seen), file)

    def comment_on(self, row: Row) -> Comment | None:
        """The comment that stands on a row of the diff."""
        made = self._comment(row, "?")
        place = (made.path, made.side, made.line, made.code)
        for one in self.look.comments:
            if (one.path, one.side, one.line, one.code) == place:
                return one
        return None

    def comment(self, row: Row, text: str) -> None:
        """Write a comment on a row, in the place of the one there; no text takes it away."""
        old = self.comment_on(row)
        look = without(self.look, old) if old is not None else self.look
        if text.strip():
            new = self._comment(row, text.strip())
            look = msgspec.structs.replace(look, comments=(*look.comments, new))
        self._update(look)

    def toggle_undo(self, row: Row) -> bool:
        """Ask for the hunk of a row to be undone, beside what its comment says; or no longer.

        Of a file without hunks (a rename, another mode, a binary one) all of it is meant.
        """
        at = next(n for n, one in enumerate(self.bare.rows) if one is row)
        place = changed_in(self.bare, at) or self.bare.rows[self.bare.files[row.file].row]
        what = "Undo this hunk." if place.kind in "+-" else "Undo what was done to this file."
        old = self.comment_on(place)
        said = old.text if old is not None else ""
        if what in said:
            self.comment(place, said.replace(what, "").strip())
            return False
        self.comment(place, f"{what} {said}".strip())
        return True

    def _comment(self, row: Row, text: str) -> Comment:
        at = next(n for n, one in enumerate(self.bare.rows) if one is row)
        return comment_of(self.bare, at, text, self.found.tip)

    def prompt(self, words: str) -> str:
        """Everything that is to be said, as one prompt."""
        return review_prompt(self.look.comments, words)

    def sent(self) -> None:
        """The comments have arrived."""
        sent = self.look.comments[:_SENT_SHOWN]
        self._update(msgspec.structs.replace(self.look, comments=(), sent=sent))

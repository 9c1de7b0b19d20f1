"""May a run be started, and which runs must be gone before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gastown_tui.domain.errors import Conflict
from gastown_tui.protocol import RunRow, Spawn


def same_subject(frame: Spawn, other: RunRow | Spawn) -> bool:
    """Is it the same session, or work on the same thing."""
    return other.name == frame.name or bool(frame.key and other.key == frame.key)


def former_runs(
    frame: Spawn,
    rows: Mapping[str, RunRow],
    starting: Iterable[Spawn],
    recovering: Collection[str],
) -> set[str]:
    """The runs of which every process must be gone before this one starts.

    These are the ones that the frame lists, and those of the same name or key that have ended
    but were not seen to be gone.

    Args:
        frame: The request.
        rows: All recorded runs.
        starting: Requests that wait for their own fences.
        recovering: Runs that a former host left and that are being ended anyway.

    Raises:
        Conflict: the run id was used before, or name or key belong to a run that lives or
            is being started and is not listed.
    """
    if frame.run in rows or frame.run in frame.fence:
        raise Conflict(f"run {frame.run} exists already", hint="every run has an id of its own")
    for other in starting:
        if other.run == frame.run or same_subject(frame, other):
            what = frame.key if frame.key and other.key == frame.key else frame.name
            raise Conflict(f"run {other.run} is being started for {what} already")
    waits = {run for run in frame.fence if run not in rows or not rows[run].gone}
    for row in rows.values():
        if row.gone or not same_subject(frame, row):
            continue
        if not row.ended and row.run not in frame.fence and row.run not in recovering:
            what = f"session {row.name}" if row.name == frame.name else f"key {row.key}"
            raise Conflict(f"{what} belongs to run {row.run}, which is alive")
        waits.add(row.run)
    return waits

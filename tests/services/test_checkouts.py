"""Folders of the overseer's: where they may be, and when they go."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_fakes import NUX

from gastown_tui.domain.config import Setup
from gastown_tui.domain.errors import BadInput, Conflict, Forbidden, NotFound


async def to_review(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate())
    await bench.settle()
    return bench.request()


def calls(bench, name):
    return [call[1:] for call in bench.git.calls if call[0] == name]


async def test_where_it_is_made(bench, tmp_path):
    request = await to_review(bench)
    town = bench.context.paths.town
    _, text = await bench.ask("checkout", request.id)
    own = town / "r" / "checkouts" / request.id
    assert str(own) in text
    await bench.ask("checkout", request.id, to=str(tmp_path / "mine"))
    assert calls(bench, "checkout") == [
        (own, request.submitted, request.id), (tmp_path / "mine", request.submitted, request.id),
    ]  # fmt: skip
    assert ("copy_in", own.name) in bench.git.calls
    (tmp_path / "link").symlink_to(town)
    for bad in (
        "here",
        str(town / NUX),
        str(tmp_path / "link" / "x"),
        f"{tmp_path}/../{town.parent.name}/{town.name}/x",
    ):
        with pytest.raises(BadInput):
            await bench.ask("checkout", request.id, to=bad)
    with pytest.raises(Forbidden):
        await bench.ask("checkout", request.id, session=NUX)


async def test_it_goes_by_word_and_with_the_change(bench):
    request = await to_review(bench)
    with pytest.raises(NotFound):
        await bench.ask("checkout_done", request.id)
    bench.git.folders = [Path("/x/try")]
    _, text = await bench.ask("checkout_done", request.id, discard="yes")
    assert "/x/try" in text
    assert calls(bench, "end_checkouts")[-1] == (request.id, True)
    bench.git.raises["end_checkouts"] = Conflict("/x/try holds changes in a.py")
    await bench.ask("drop", request.id)
    await bench.settle()
    assert calls(bench, "end_checkouts")[-1] == (request.id, False)
    kept = [one.title for one in bench.books.events.values() if one.event_kind == "kept"]
    assert any("holds changes in a.py" in one for one in kept)
    assert not bench.books.requests


async def test_its_set_up_is_run_on_request_and_undone_when_it_goes(make, monkeypatch):
    bench = make(setup=Setup(run=["npm ci"], teardown=["rm -rf x"]))
    spawn, codes = bench.host.spawn, []

    async def ends_at_once(frame):
        done = await spawn(frame)
        if frame.kind == "setup":
            bench.host.finish(frame.run, codes.pop() if codes else 0)
        return done

    monkeypatch.setattr(bench.host, "spawn", ends_at_once)
    request = await to_review(bench)
    _, text = await bench.ask("checkout", request.id)
    assert "its set-up was not run (--setup runs it): npm ci" in text
    _, text = await bench.ask("checkout", request.id, setup="yes")
    assert text.endswith(", set up")
    codes.append(1)
    with pytest.raises(Conflict, match=r"is at .* but the set-up of r failed: 1 failed"):
        await bench.ask("checkout", request.id, setup="yes")
    place = bench.context.paths.town / "r" / "checkouts" / request.id
    (place / ".git").mkdir(parents=True)
    bench.git.folders = [place]
    await bench.ask("checkout_done", request.id)
    names = [one.name for one in bench.host.spawned]
    assert names[-2:] == [f"setup/r/{request.id}", f"teardown/r/{request.id}"]

"""A town without daemons, and the command line within this process."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))

from towns import Town, copy_town, make_town, one_line

from gastown_tui.cli import main


@pytest.fixture(scope="session")
def template() -> Iterator[Town]:
    place = Path(tempfile.mkdtemp(prefix="gt"))
    yield make_town(place)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def quiet_town(template: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A town with the rig `lib`, not running, as the working folder."""
    place = Path(tempfile.mkdtemp(prefix="gt"))
    town = copy_town(template, place)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(town.runtime))
    for name in ("GASTOWN_TOWN", "GASTOWN_AGENT", "GASTOWN_RIG", "GASTOWN_ROLE", "BD_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(town.path)
    yield town.path
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def ok(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a verb that must succeed; what it prints."""

    def run(*arguments: str) -> str:
        capfd.readouterr()
        status = main.run(list(arguments))
        out, err = capfd.readouterr()
        assert status == 0, (arguments, err)
        return out.strip()

    return run


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a verb that must be refused; the one line."""

    def run(*arguments: str, code: int = 1) -> str:
        capfd.readouterr()
        status = main.run(list(arguments))
        return one_line(status, capfd.readouterr().err, code)

    return run

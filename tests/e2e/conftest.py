"""Towns for the tests of the whole line; see `towns.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from towns import Town, copy_town, make_town


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    place = Path(tempfile.mkdtemp(prefix="gt"))
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def template() -> Iterator[Town]:
    """A town that nobody starts, to be copied."""
    place = Path(tempfile.mkdtemp(prefix="gt"))
    yield make_town(place)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def town(template: Town, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town of one's own, not running."""
    found = copy_town(template, root)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(found.runtime))
    yield found
    found.end()


@pytest.fixture(scope="module")
def living(template: Town) -> Iterator[Town]:
    """A running town with a shell in its first polecat, shared by the tests of a module."""
    place = Path(tempfile.mkdtemp(prefix="gt"))
    found = copy_town(template, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(found.runtime))
        found.ok("up")
        found.extra["BEAD"] = found.start_agent("the first")
        yield found
        found.end()
    shutil.rmtree(place, ignore_errors=True)

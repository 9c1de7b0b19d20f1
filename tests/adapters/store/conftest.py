from __future__ import annotations

import pytest

from gastown_tui.adapters.store import open_store


@pytest.fixture
def beads_dir(tmp_path):
    folder = tmp_path / "project" / ".beads"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def opened(beads_dir):
    """Opens stores of `beads_dir` on a given file's content, and closes them."""
    stores = []

    def open_it(content: bytes | None = None, **options):
        if content is not None:
            (beads_dir / "issues.jsonl").write_bytes(content)
        stores.append(open_store(beads_dir, **{"prefix": "x", **options}))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def file(beads_dir):
    return beads_dir / "issues.jsonl"

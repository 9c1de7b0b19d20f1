from __future__ import annotations

import pytest

from gastown_tui.adapters.town_files import beads_dirs, find_town
from gastown_tui.domain.errors import NotFound


def test_a_named_town_comes_before_the_environment_and_the_folders_above(tmp_path, monkeypatch):
    towns = [tmp_path / name for name in ("a", "b", "c")]
    for town in towns:
        (town / "deep").mkdir(parents=True)
        (town / "town.toml").touch()
    monkeypatch.chdir(towns[2] / "deep")
    env = {"GASTOWN_TOWN": str(towns[1])}
    assert find_town(towns[0], env) == towns[0]
    assert find_town(None, env) == towns[1]
    assert find_town(None, {}) == towns[2]
    with pytest.raises(NotFound):
        find_town(tmp_path, env)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        find_town(None, {})


def test_beads_directories_by_prefix(tmp_path):
    for rig in ("r1", "r2", ".hidden", "empty"):
        (tmp_path / rig / (".beads" if rig != "empty" else "x")).mkdir(parents=True)
    (tmp_path / ".beads").mkdir()
    (tmp_path / "r1" / "rig.toml").write_text('name = "r1"\nprefix = "aa"\n')
    (tmp_path / "r2" / ".beads" / "config.yaml").write_text("issue-prefix: bb-cc\n")
    assert beads_dirs(tmp_path) == {
        "hq": tmp_path / ".beads",
        "aa": tmp_path / "r1" / ".beads",
        "bb-cc": tmp_path / "r2" / ".beads",
    }

"""Which towns were used, kept outside of them."""

from __future__ import annotations

import stat

import pytest

from gastown_tui.adapters.used_towns import remember_town, state_file, used_towns


@pytest.fixture
def env(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": "/nowhere"}


@pytest.fixture
def towns(tmp_path):
    made = [tmp_path / name for name in ("a", "b", "c")]
    for town in made:
        town.mkdir()
        (town / "town.toml").touch()
    return made


def test_the_newest_comes_first_and_each_once(env, towns):
    for at, town in enumerate([*towns, towns[0]]):
        remember_town(town, env, at)
    assert [one.path for one in used_towns(env)] == [towns[0], towns[2], towns[1]]
    assert used_towns(env)[0].at == 3


def test_a_town_that_is_gone_is_not_offered(env, towns):
    for town in towns:
        remember_town(town, env, 1)
    (towns[2] / "town.toml").unlink()
    assert [one.path for one in used_towns(env)] == [towns[1], towns[0]]


def test_the_list_is_private_and_bounded(env, tmp_path):
    for number in range(12):
        town = tmp_path / f"t{number}"
        town.mkdir()
        (town / "town.toml").touch()
        remember_town(town, env, number)
    path = state_file(env)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(used_towns(env)) == 10


@pytest.mark.parametrize("text", ["", "[]x", '{"town": 1}', '[{"town": "rel"}]', "[" * 5000])
def test_a_damaged_list_is_written_anew(env, towns, text):
    path = state_file(env)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o600)
    assert used_towns(env) == []
    remember_town(towns[0], env, 1)
    assert [one.path for one in used_towns(env)] == [towns[0]]


def test_what_others_may_write_is_not_believed(env, towns):
    remember_town(towns[0], env, 1)
    state_file(env).chmod(0o666)
    assert used_towns(env) == []


def test_without_a_home_nothing_is_kept(towns):
    assert state_file({"XDG_STATE_HOME": "relative"}) is None
    remember_town(towns[0], {}, 1)
    assert used_towns({}) == []

"""Towns and rigs made by the command line, without a controller."""

from __future__ import annotations

import json
import subprocess

import pytest
from click.testing import CliRunner

from gastown_tui.adapters import callers
from gastown_tui.adapters.store import open_store
from gastown_tui.cli import consent
from gastown_tui.cli.rig import rig
from gastown_tui.cli.setup import init, make_town
from gastown_tui.domain.config import Consent
from gastown_tui.domain.errors import BadInput, Forbidden
from gastown_tui.roots.town import rig_config


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A town, a repository, and `rig add`."""
    source = tmp_path / "hello there"
    source.mkdir()
    (source / "f").write_text("one\n")
    for args in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"),
    ):
        subprocess.run(["git", "-C", str(source), *args], check=True)
    town = make_town(tmp_path / "town", "town")
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def add(*options):
        return CliRunner().invoke(rig, ["add", "hello", str(source), *options])

    return town, add


def test_a_new_rig_says_what_comes_next(place):
    town, add = place
    said = add().stdout
    assert "--rig hello" in said
    assert "gastown sling" in said
    assert f"git fetch {town}/hello/repo gastown/main" in said
    assert "without any permission check" not in said


def test_bypass_is_the_word_of_a_person(place, monkeypatch):
    town, add = place
    monkeypatch.setattr(callers, "calling_session", lambda *_: "hello/polecats/nux")
    refused = add("--permissions", "bypass")
    assert isinstance(refused.exception, Forbidden)
    assert not (town / "hello").exists()
    store = open_store(town / ".beads")
    noted = store.list(issue_type="event", include_closed=True, include_wisps=True)
    assert [one.event_kind for one in noted] == ["refused"]
    store.close()
    monkeypatch.setattr(callers, "calling_session", lambda *_: None)
    assert "without any permission check" in add("--permissions", "bypass").stdout
    assert rig_config(town, "hello").permissions == "bypass"


def give(source, path, value):
    """A repository that brings this along."""
    file = source / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value))
    for args in (
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", path),
    ):
        subprocess.run(["git", "-C", str(source), *args], check=True)


def test_a_yes_is_recorded_with_whose_it_is(place, tmp_path, monkeypatch):
    town, add = place
    monkeypatch.setenv("USER", "ada")
    give(tmp_path / "hello there", ".mcp.json", {"mcpServers": {"one": {}, "two": {}}})
    assert isinstance(add("--mcp", "three").exception, BadInput)
    assert not (town / "hello").exists()
    assert add("--trust", "--mcp", "one").exit_code == 0
    given = rig_config(town, "hello").consent
    assert (given.trust, given.trust_rules, given.mcp, given.api_key) == (
        True,
        False,
        ["one"],
        False,
    )
    assert given.by == "ada"
    store = open_store(town / ".beads")
    noted = store.list(issue_type="event", include_closed=True, include_wisps=True)
    assert [one.title for one in noted if one.event_kind == "consented"] == [
        "ada said yes once for all sessions to trust in the repository; its MCP servers one"
    ]
    store.close()


def test_nothing_is_agreed_to_where_nobody_was_asked(place):
    town, add = place
    assert add().exit_code == 0
    assert rig_config(town, "hello").consent == Consent()
    assert "# [consent]" in (town / "hello" / "rig.toml").read_text()


def test_a_person_is_asked_once_and_only_what_matters(place, tmp_path, monkeypatch):
    town, _ = place
    source = tmp_path / "hello there"
    give(source, ".mcp.json", {"mcpServers": {"one": {}}})
    give(source, ".claude/settings.json", {"permissions": {"allow": ["Bash(rm:*)"]}})
    monkeypatch.setattr(consent, "is_person", lambda: True)
    said = CliRunner().invoke(rig, ["add", "hello", str(source)], input="\n\ny\nn\nall\n").stdout
    assert "Bash(rm:*)" in said
    assert "API key" not in said
    given = rig_config(town, "hello").consent
    assert (given.trust, given.trust_rules, given.mcp) == (True, False, ["one"])


@pytest.mark.parametrize("option", ["--trust", "--trust-rules", "--api-key", "--mcp=all"])
def test_a_session_says_yes_to_nothing(place, monkeypatch, option):
    town, add = place
    monkeypatch.setattr(callers, "calling_session", lambda *_: "hello/polecats/nux")
    assert isinstance(add(option).exception, Forbidden)
    assert not (town / "hello").exists()


def test_whoever_chooses_demo_agents_is_told_what_they_are(tmp_path):
    for agent, is_told in (("demo", True), ("shell", False)):
        said = CliRunner().invoke(init, [str(tmp_path / agent), "--agent", agent]).stdout
        assert ("gastown demo" in said) == is_told


def test_beads_that_the_project_tracks_become_the_rigs(place, tmp_path):
    town, add = place
    source = tmp_path / "hello there"
    (source / ".beads").mkdir()
    bead = {"id": "shop-1", "title": "theirs", "status": "open", "priority": 1,
            "issue_type": "task", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    file = source / ".beads" / "issues.jsonl"
    file.write_text(json.dumps(bead) + "\nno bead\n")
    subprocess.run(["git", "-C", str(source), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b.c",
                    "commit", "-qm", "beads"], check=True)  # fmt: skip
    before = file.read_bytes()
    assert "shop-..." in str(add("--prefix", "hq2").exception)
    assert not (town / "hello").exists()
    assert "become the rig's" in add("--dry-run").stdout
    assert add().exit_code == 0
    assert rig_config(town, "hello").prefix == "shop"
    store = open_store(town / "hello" / ".beads")
    assert [one.title for one in store.list()] == ["theirs"]
    store.close()
    assert file.read_bytes() == before


def test_a_rig_on_its_way_out_is_named_with_what_ends_it(place):
    town, add = place
    (town / "hello").mkdir()
    (town / "hello" / "rig.toml.leaving").touch()
    assert add().exception.hint == "finish that: gastown rig remove hello"


def test_a_part_of_a_repository_is_said_once(place, tmp_path):
    town, add = place
    (tmp_path / "hello there" / "api").mkdir()
    assert add("--folder", "api", "--sparse", "api", "--partial").exit_code == 0
    config = rig_config(town, "hello")
    assert (config.folder, config.sparse) == ("api", ["api"])
    assert subprocess.run(
        ["git", "-C", str(town / "hello" / "repo"), "config", "remote.origin.promisor"], check=True
    )


def test_what_leads_out_of_the_project_is_no_folder_of_it(place):
    town, add = place
    assert isinstance(add("--folder", "../x").exception, BadInput)
    assert not (town / "hello").exists()

"""Changes that land by pull request, from the hand-in to the merge, with a stand-in for GitHub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from towns import Town, make_repo, wait_for

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from gh_stand_in import LOGIN, Forge

NUX = "app/polecats/furiosa"


class GitHubTown(Town):
    """A town whose rig `app` has its upstream at a stand-in for GitHub."""

    @classmethod
    def make(cls, root: Path, *rig: str) -> GitHubTown:
        home, bare = root / "home", root / "acme" / "app.git"
        home.mkdir()
        (root / "run").mkdir(mode=0o700)
        (home / ".gitconfig").write_text(
            "[user]\nname = Ada\nemail = ada@example.invalid\n"
            f'[url "file://{root}/acme/"]\ninsteadOf = https://github.com/acme/\n'
        )
        work = make_repo(root / "work")
        subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
        forge = Forge(root / "forge", "acme/app", bare)
        town = cls(root / "town", root / "run")
        town.extra = {"HOME": str(home), "PATH": f"{forge.bin}:{os.environ['PATH']}"}
        town.forge, town.bare = forge, bare
        town.ok("init", str(town.path), "--agent", "shell", cwd=root)
        town.ok("rig", "add", "app", "https://github.com/acme/app.git", "--gate", "test -f f",
                "--review", "none", *rig)  # fmt: skip
        return town

    def request(self) -> dict:
        rows = json.loads(self.ok("mq", "list", "--json"))
        return rows[0] if rows else {}

    def handed_in(self, name: str = "one") -> str:
        """A bead whose polecat has handed a change in."""
        bead = self.bead(f"Add {name}", rig="app")
        self.ok("sling", bead)
        wait_for(lambda: NUX in self.ok("session", "list"))
        self.work(name)
        return bead

    def work(self, name: str) -> None:
        out = self.inside(
            f"echo {name} >{name}.txt; git add .; git commit -qm 'Add {name}'; gastown done", NUX
        )
        assert "is handed in" in out, out

    def is_closed(self, bead: str) -> bool:
        return json.loads(self.ok("bead", "show", bead, "--json"))[0]["status"] == "closed"

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", "-C", str(self.bare), *args], capture_output=True, text=True,
                              check=True)  # fmt: skip
        return done.stdout.strip()


@pytest.fixture
def github(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubTown]:
    town = GitHubTown.make(root, "--land", "pr")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(town.runtime))
    yield town
    town.end()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["squash", "rebase", "merge"])
def test_a_change_lands_when_its_pull_request_is_merged_there(github, how):
    github.ok("up")
    bead = github.handed_in()
    wait_for(lambda: github.request().get("state") == "pull", 30)
    row = github.request()
    assert (row["pull"], row["pull_url"]) == (1, "https://github.com/acme/app/pull/1")
    assert not github.is_closed(bead)
    assert "one.txt" not in github.git("ls-tree", "--name-only", "main")
    commit = github.forge.merge(1, how)
    wait_for(lambda: github.is_closed(bead), 40)
    assert github.git("show", "main:one.txt") == "one"
    assert commit[:10] in github.ok("events")
    wait_for(lambda: NUX not in github.ok("session", "list"), 20)


@pytest.mark.slow
def test_a_failing_check_comes_back_to_the_same_session_and_the_mended_change_lands(github):
    github.forge.set(ci=["unit"], required=["unit"])
    github.ok("up")
    bead = github.handed_in()
    wait_for(github.forge.pulls, 30)
    session = github.session_env(NUX)["GASTOWN_RUN"]
    github.forge.check(1, "unit", "FAILURE")
    wait_for(lambda: github.request()["state"] == "rework", 40)
    said = github.inside("gastown prime", NUX)
    assert "the check unit failed: https://github.com/acme/app/runs/unit" in said, said
    github.work("two")
    wait_for(lambda: len(github.forge.pulls()[0]["checks"]) == 2, 40)
    assert github.session_env(NUX)["GASTOWN_RUN"] == session
    github.forge.check(1, "unit", "SUCCESS")
    github.forge.merge(1, "squash")
    wait_for(lambda: github.is_closed(bead), 40)
    assert len(github.forge.pulls()) == 1
    assert "two.txt" in github.git("ls-tree", "--name-only", "main")


@pytest.mark.slow
def test_without_a_login_the_change_waits_and_the_gates_do_not_run_in_a_circle(github):
    runs = github.runtime.parent / "gates"
    file = github.path / "app" / "rig.toml"
    file.write_text(file.read_text().replace('"test -f f"', f'"echo run >>{runs}"'))
    github.forge.down(LOGIN, 4)
    github.ok("up")
    bead = github.handed_in()
    wait_for(lambda: "gh is not logged in" in json.dumps(github.request()), 30)
    wait_for(lambda: len(github.forge.calls()) >= 3, 30)
    assert runs.read_text().count("run") <= 2
    events = [line for line in github.ok("events").splitlines() if "not logged in" in line]
    assert len(events) == 1, events
    github.forge.up()
    wait_for(github.forge.pulls, 40)
    github.forge.merge(1, "squash")
    wait_for(lambda: github.is_closed(bead), 40)

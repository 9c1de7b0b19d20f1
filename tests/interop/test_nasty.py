"""The real Claude Code in the nasty repository: its work lands in each way that changes can."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import tomlkit
from fake_messages import KEY, FakeMessages, Script
from test_line import Line, approve_all, work

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

import nasty as nasties

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(300)]

SET_UP = {"copy": [".env"], "run": ["git config core.hooksPath .husky"]}
"""What `npm install` does in such a project: husky takes the hooks over."""


class NastyLine(Line):
    """A town whose rig `app` is the nasty repository, added by the path of its checkout."""

    def __init__(self, root: Path, claude: Path, model: FakeMessages, land: str) -> None:
        self.nasty = nasties.make(root / "n")
        self.town, self.remote, self.land = root / "town", self.nasty.remote, land
        if land == "push":  # main is protected
            self.nasty.git("symbolic-ref", "HEAD", "refs/heads/develop", at=self.remote)
        self.env = {name: value for name, value in self.nasty.env.items() if "CLAUDE" not in name}
        self.env |= {
            "XDG_RUNTIME_DIR": "", "IS_SANDBOX": "1", "XDG_STATE_HOME": str(root / "state"),
            "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url, "GASTOWN_TOWN": "",
        }  # fmt: skip
        self.gastown("init", str(self.town))
        self.env["GASTOWN_TOWN"] = str(self.town)
        settings = self.town / "town.toml"
        settings.write_text(
            settings.read_text() + f"\n[agents.claude]\ncommand = {json.dumps(str(claude))}\n"
            'env_pass = ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "IS_SANDBOX"]\n'
        )
        self.before = self.picture()
        self.gastown(
            "rig", "add", "app", str(self.nasty.path), "--prefix", "app", "--review", "none",
            "--land", land, "--permissions", "allowlist", "--gate", self.nasty.gate,
            "--trust", "--api-key", "--mcp", "none",
        )  # fmt: skip
        known = {"hasCompletedOnboarding": True}
        (self.nasty.home / ".claude.json").write_text(json.dumps(known))
        rig = self.town / "app" / "rig.toml"
        text = tomlkit.parse(rig.read_text())
        text["setup"] = SET_UP
        rig.write_text(tomlkit.dumps(text))
        self.gastown("up")

    def picture(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file of the path and of the submodule's remote."""
        return {
            str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes())
            for place in (self.nasty.path, self.nasty.widgets)
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }

    def landed(self) -> list[str]:
        """Subjects of the commits on the target."""
        return self.nasty.git("log", "--format=%s", self.target[1], at=self.target[0]).splitlines()

    @property
    def target(self) -> tuple[Path, str]:
        """The repository that changes land in, and the branch there."""
        if self.land == "local":
            return self.town / "app" / "repo", "gastown/main"
        return self.remote, "develop"


@pytest.mark.parametrize("land", ["local", "push"])
def test_two_beads_land_and_the_path_is_as_before(claude_program, tmp_path_factory, land):
    root = tmp_path_factory.mktemp("nasty")
    with FakeMessages(Script("gastown prime", work)) as model:
        line = NastyLine(root, claude_program, model, land)
        try:
            for title in ("Add the file Alpha", "Add the file Beta"):
                line.bead(title)

            def landed():
                approve_all(line)
                return {"Add Alpha", "Add Beta"} <= set(line.landed())

            line.wait("both on the target", landed, 150)
            place, ref = line.target
            newest = line.nasty.git("log", "-2", "--format=%H", ref, at=place).split()
            assert [line.nasty.verified(one, place) for one in newest] == ["G", "G"]
            said = line.gastown("rig", "remove", "app", "--discard")
        finally:
            line.gastown("down")
    assert line.picture() == line.before
    assert f"{line.nasty.home}/.claude.json: Claude's own entries" in said
    trusted = json.loads((line.nasty.home / ".claude.json").read_text())["projects"]
    assert all(Path(key).is_relative_to(line.town) for key in trusted)

"""A screen beside daemons of another build goes on as that one, once."""

from __future__ import annotations

import os
import subprocess
import sys

from gastown_tui import __version__
from gastown_tui.roots import other_build


def test_each_build_is_gone_on_as_once(tmp_path):
    assert other_build.is_new("9.9", {})
    assert not other_build.is_new(__version__, {})
    assert not other_build.is_new("", {})
    program = tmp_path / ".gastown" / "bin" / "gastown"
    program.parent.mkdir(parents=True)
    (tmp_path / "town.toml").touch()
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo gastown, version 9.9 && exit\necho "$GASTOWN_SCREEN_BUILDS|$GASTOWN_TOWN|$*"\n'
    )
    program.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from gastown_tui.roots import other_build\n"
        "other_build._WAIT_S = 1.0\n"
        "town = Path(sys.argv.pop(1)); other_build.go_on(town, '9.9')"
    )
    env = {key: value for key, value in os.environ.items() if key != "GASTOWN_SCREEN_BUILDS"}
    command = [sys.executable, "-c", code, tmp_path, "--town", "x"]
    said = subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout
    tried, town, arguments = said.strip().split("|")
    assert (town, arguments) == (str(tmp_path), "--town x")
    gone = {"GASTOWN_SCREEN_BUILDS": tried}
    assert not other_build.is_new("9.9", gone)
    assert "the town runs 9.9" in other_build.why(gone)
    program.unlink()
    ended = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert "the town runs 9.9" in ended.stderr

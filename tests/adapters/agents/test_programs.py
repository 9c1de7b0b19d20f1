"""Why a program cannot be run: looked for as the session would, in its PATH and from its folder."""

from __future__ import annotations

from gastown_tui.adapters.agents.machine import why_lacking


def test_a_program_is_looked_for_where_the_session_would(tmp_path):
    place = tmp_path / "bin"
    place.mkdir()
    tool, plain = place / "tool", place / "plain"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    plain.write_text("")
    path, here = str(place), str(tmp_path)
    assert why_lacking("tool", path, here) == ""
    assert why_lacking("bin/tool", "", here) == ""
    assert why_lacking(str(tool), "", "/") == ""
    assert why_lacking("tool", "/nowhere", here) == "tool is not on the PATH of the town"
    assert why_lacking("plain", path, here) == f"{plain} is not executable"
    assert why_lacking("bin/plain", "", here) == "bin/plain is not executable"
    assert why_lacking("bin/none", "", here) == "bin/none is not there"
    assert why_lacking("bin", "", here) == "bin is not on the PATH of the town"

"""What runs in a worktree: its variables, and scripts run by a real shell."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.config import RigConfig, Setup, read_rig
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.workplaces import (
    SetUp,
    Slot,
    Workplace,
    own_variables,
    project_variables,
    set_up_script,
    teardown_script,
    work_env,
)

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def rig(**setup):
    folder = setup.pop("folder", "")
    return RigConfig(name="r", prefix="r", upstream="u", folder=folder, setup=Setup(**setup))


@pytest.fixture
def run(tmp_path):
    """Run a script of a rig in a worktree; exit code and output."""
    top = tmp_path / "work tree"
    (top / "services" / "api").mkdir(parents=True)
    programs = tmp_path / "bin"
    programs.mkdir()

    def run(argv, **env):
        done = subprocess.run(
            argv, cwd=top, capture_output=True, text=True, check=False,
            env={"PATH": f"{programs}:/usr/bin:/bin"} | env,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    run.top, run.programs = top, programs
    run.place = Workplace(top=str(top), allowed=str(tmp_path / "allowed"),
                          capture=str(tmp_path / "captured"))  # fmt: skip
    return run


def program(folder, name, text):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_set_up_runs_once_for_the_same_inputs_and_again_after_a_failure(run, tmp_path):
    record = tmp_path / "done"
    done = SetUp(record=str(record), digest="d1")
    bad, good = rig(run=["echo a", "exit 3"]), rig(run=["pwd"], folder="services/api")
    assert run(set_up_script(bad, run.place, done)) == (3, "$ echo a\na\n$ exit 3\n")
    assert not record.exists()
    code, out = run(set_up_script(good, run.place, done, ["echo gate"]))
    assert (code, record.read_text()) == (0, "d1")
    assert out == f"$ pwd\n{run.top}/services/api\n$ echo gate\ngate\n"
    again = set_up_script(good, run.place, SetUp(record=str(record), digest="d1", is_done=True),
                          ["echo gate"])  # fmt: skip
    assert "pwd" not in run(again)[1]
    assert run(teardown_script(rig(teardown=["echo bye"]), run.place, str(record)))[0] == 0
    assert not record.exists()


def test_a_red_set_up_is_a_red_gate(run):
    code, out = run(set_up_script(rig(run=["false"]), run.place, SetUp(), ["echo gate"]))
    assert code != 0
    assert "gate" not in out.replace("$ false", "")


@pytest.mark.parametrize("name", ["direnv", "mise"])
def test_a_program_that_is_not_there_is_one_clear_line(run, name):
    code, out = run(set_up_script(rig(environment=name), run.place, SetUp()))
    assert code == 127
    assert out == f'{name} is not on the PATH of the town: install it, or leave "environment" out\n'


def test_the_nearest_envrc_of_the_worktree_is_loaded_and_the_persons_list_left_alone(run):
    program(run.programs, "direnv", 'echo "$1 $2 $XDG_DATA_HOME" >> "$LOG"\n'
            'if [ "$1" = exec ]; then shift 2; API=yes exec "$@"; fi')  # fmt: skip
    log = run.top.parent / "log"
    api = rig(environment="direnv", folder="services/api", run=["echo $API $XDG_DATA_HOME"])
    script = set_up_script(api, run.place, SetUp())
    (run.top.parent / ".envrc").write_text("of somebody else's folder")
    assert run(script, LOG=str(log), XDG_DATA_HOME="/mine")[1].endswith("\n/mine\n")
    assert not log.exists()
    (run.top / ".envrc").write_text("")
    code, out = run(script, LOG=str(log), XDG_DATA_HOME="/mine")
    assert (code, out.splitlines()[-1]) == (0, "yes /mine")
    assert log.read_text().splitlines() == [
        f"allow {run.top}/.envrc {run.place.allowed}",
        f"exec {run.top} {run.place.allowed}",
    ]
    captured = (run.top.parent / "captured").read_bytes()
    assert project_variables(captured) == {"API": "yes"}


def test_what_mise_sets_reaches_set_up(run):
    program(run.programs, "mise", '[ "$1 $2" = "exec --" ] && shift 2 && TOOL=1 exec "$@"')
    script = set_up_script(rig(environment="mise", run=["echo $TOOL"]), run.place, SetUp())
    assert run(script) == (0, "$ echo $TOOL\n1\n")


def test_a_project_sets_neither_who_an_agent_is_nor_who_pays():
    after = {"API": "1", "PATH": "/x", "GASTOWN_RUN": "r", "ANTHROPIC_API_KEY": "k",
             "ANTHROPIC_BASE_URL": "u", "GIT_DIR": "/", "HOME": "/other", "OLD": "same",
             "BASH_FUNC_x%%": "()"}  # fmt: skip
    raw = "OLD=same\0HOME=/h\0\0" + "".join(f"{k}={v}\0" for k, v in after.items())
    assert project_variables(raw.encode()) == {"API": "1", "PATH": "/x"}
    assert "ANTHROPIC_API_KEY" in project_variables(raw.encode(), ["ANTHROPIC_API_KEY"])
    assert project_variables(b"") == {}


@given(st.dictionaries(st.from_regex(r"X[A-Z]{0,5}", fullmatch=True), WORDS))
def test_every_variable_comes_through_as_it_is(found):
    raw = "A=1\0\0A=1\0" + "".join(f"{name}={value}\0" for name, value in found.items())
    assert project_variables(raw.encode()) == found


def test_a_worktree_has_variables_of_its_own():
    place = Workplace(top="/t/R/polecats/nux", slot=Slot(number=3, port_base=20200), tmp="/tmp/x")
    assert own_variables("My.Rig", place) == {
        "TMPDIR": "/tmp/x", "GASTOWN_SLOT": "3", "GASTOWN_PORT_BASE": "20200",
        "COMPOSE_PROJECT_NAME": "gastown3-my-rig-nux",
    }  # fmt: skip
    env = work_env(
        {"HOME": "/h", "EDITOR": "vi", "GASTOWN_SLOT": "9"}, {"DB": "x"}, "/t", "R", place
    )
    assert (env["GASTOWN_SLOT"], env["DB"], "EDITOR" in env) == ("3", "x", False)


@pytest.mark.parametrize(
    "line",
    ['folder = "../x"', 'folder = "/x"', "only_folder = true", 'sparse = ["a*"]',
     'folder = "a"\nsparse = ["b"]', '[setup]\nlink = ["../x"]', '[setup]\ninputs = ["/etc/x"]',
     '[setup]\nenvironment = "nix"', "[setup]\ntimeout_s = 0"],
)  # fmt: skip
def test_what_leads_elsewhere_is_refused(line):
    with pytest.raises(BadInput):
        read_rig(f'name = "r"\nprefix = "r"\nupstream = "u"\n{line}\n')

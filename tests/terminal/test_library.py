"""The prepared interface is that of the installed library, and nothing is parsed at a start."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LOOK = """
import sys
from gastown_tui.terminal import Terminal
terminal = Terminal(20, 4)
terminal.feed(b"\\x1b[1mhello")
assert terminal.text() == "hello" and Terminal.restore(terminal.snapshot()).text() == "hello"
print("pycparser" in sys.modules)
"""


def python(*arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_is_up_to_date():
    python("scripts/declare.py", "--check")


def test_what_is_stale_says_what_to_do():
    """Another library, or another use of it."""
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import declare\n"
        "made = declare.prepared(); assert not declare.stale(made)\n"
        "print(declare.stale(made + '#')); declare.library.TWINS += ' '; print(declare.stale(made))"
    )
    done = python("-c", code)
    assert len(done) == 2
    assert all("run scripts/declare.py" in line for line in done)
    assert "another pyghostty" in done[1]


def test_nothing_is_parsed():
    assert python("-c", LOOK) == ["False"]


def test_another_build():
    """Declarations that are not the prepared ones are parsed, and all works."""
    change = "from gastown_tui.terminal import _vt; _vt.DIGEST = ''\n"
    stop = "import sys, types; sys.modules['gastown_tui.terminal'] = types.ModuleType('gastown_tui.terminal')\n"
    stop += "sys.modules['gastown_tui.terminal'].__path__ = ['gastown_tui/terminal']\n"
    back = "del sys.modules['gastown_tui.terminal']\n"
    assert python("-c", stop + change + back + LOOK) == ["True"]

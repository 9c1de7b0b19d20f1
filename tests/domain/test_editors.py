"""The line syntax of editors."""

from __future__ import annotations

import pytest

from gastown_tui.domain.editors import editor_call
from gastown_tui.domain.errors import BadInput


@pytest.mark.parametrize(
    ("editor", "display", "argv", "in_terminal"),
    [
        ("vim", False, ["vim", "+7", "/s/a.py"], True),
        ("/usr/bin/nvim -p", True, ["/usr/bin/nvim", "-p", "+7", "/s/a.py"], True),
        ("nano", True, ["nano", "+7", "/s/a.py"], True),
        ("hx", True, ["hx", "/s/a.py:7"], True),
        ("emacs", True, ["emacs", "+7", "/s/a.py"], False),
        ("emacs", False, ["emacs", "+7", "/s/a.py"], True),
        ("emacs -nw", True, ["emacs", "-nw", "+7", "/s/a.py"], True),
        ("emacsclient -t", True, ["emacsclient", "-t", "+7", "/s/a.py"], True),
        ("code -w", True, ["code", "-w", "--goto", "/s/a.py:7"], False),
        ("subl", True, ["subl", "/s/a.py:7"], False),
        ("'/opt/My Editor/zed' --wait", True, ["/opt/My Editor/zed", "--wait", "/s/a.py:7"], False),
        ("gvim", True, ["gvim", "+7", "/s/a.py"], False),
        ("pycharm", True, ["pycharm", "--line", "7", "/s/a.py"], False),
        ("what-ever", True, ["what-ever", "+7", "/s/a.py"], True),
    ],
)
def test_known_editors(editor, display, argv, in_terminal):
    call = editor_call(editor, "/s/a.py", 7, has_display=display)
    assert (list(call.argv), call.in_terminal) == (argv, in_terminal)


@pytest.mark.parametrize(
    ("editor", "file"), [("", "/a"), ("'", "/a"), ("vim", "-c:!sh"), ("vim", "a")]
)
def test_what_is_no_editor_and_no_path(editor, file):
    with pytest.raises(BadInput):
        editor_call(editor, file, 1, has_display=False)

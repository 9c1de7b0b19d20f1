"""Prepares the interface of libghostty-vt: writes `gastown_tui/terminal/_vt.py`.

It holds what cffi makes of pyghostty's declarations, as far as `gastown_tui.terminal` uses them.
To be run again when that changes, or when another build of the library is taken; `--check` says
whether it is as it should be.
"""

import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path

from cffi import FFI

PACKAGE = Path(__file__).parent.parent / "gastown_tui" / "terminal"
PREPARED = PACKAGE / "_vt.py"
if not PREPARED.exists():
    PREPARED.write_text('DIGEST = ""\n', "utf-8")

from gastown_tui.terminal import library  # noqa: E402 - needs the file

NAME = re.compile(r"\b(?:ghostty_|GHOSTTY_)\w+")
OPTION = re.compile(r"GHOSTTY_(?:TERMINAL|SNAPSHOT_DECODER)_OPT_|GHOSTTY_KEY_")
"""Used by names that are put together."""
HEAD = '''"""Made by `scripts/declare.py`; not to be edited."""

# mypy: ignore-errors
'''


def used():
    paths = [path for path in PACKAGE.glob("*.py") if path != PREPARED]
    return {name for path in paths for name in NAME.findall(path.read_text("utf-8"))}


def prepared():
    source = {}
    exec(library.declarations(), source)
    ffi = FFI()
    ffi.cdef(source["CDEF"] + library.TWINS)
    names = used()
    known = ffi._parser._declarations  # noqa: SLF001 - cffi has no other way to leave one out
    for key, (kind, _) in list(known.items()):
        what, name = key.split(" ", 1)
        own = {name, *getattr(kind, "enumerators", ())}
        if what in {"function", "enum"} and not (own & names or any(map(OPTION.match, own))):
            del known[key]
    ffi.set_source("_vt", None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "_vt.py"
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of the temporary file
            ffi.emit_python_code(str(path))
        made = path.read_text("utf-8").partition("\n")[2]
    return f'{HEAD}DIGEST = "{library.digest()}"\n{made}'


def stale(text):
    """What is wrong with the prepared file, if this is how it should be; empty when nothing is."""
    found = PREPARED.read_text("utf-8")
    if f'DIGEST = "{library.digest()}"' not in found:
        return "gastown_tui/terminal/_vt.py is of another pyghostty: run scripts/declare.py"
    if found != text:
        return "gastown_tui/terminal uses more or less than _vt.py has: run scripts/declare.py"
    return ""


if __name__ == "__main__":
    made = prepared()
    if sys.argv[1:] == ["--check"]:
        sys.exit(stale(made) or None)
    PREPARED.write_text(made, "utf-8")

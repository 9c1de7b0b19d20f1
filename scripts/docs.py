"""Pages of `docs/` that are made from the code; `--check` only says whether they are current."""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from pathlib import Path

from gastown_tui.tui.actions import ACTIONS
from gastown_tui.tui.keymap import Keymap

KEYS = Path(__file__).resolve().parent.parent / "docs" / "keys.md"
_HEAD = """\
# Keys

Made by `scripts/docs.py` from the registry of actions; do not edit.

The line at the bottom of the screen shows the keys that matter most where you are, `?` lists all of
them, and `:` finds every action by its title, also those without a key. While you type into an
agent, every key is the agent's but the one that leaves ({leave}). Actions marked with ! end or stop
something: they ask first, or are guarded against keys that nobody pressed one by one.

Other keys: in `town.toml`,

```toml
[keys]
"agent.nudge" = "e"          # one key, or several with blanks between; "" takes them away
"pane.leave" = "ctrl+g"
```

A key that is given to another action is lost by the one that had it, and the screen says so when it
starts.
"""


def keys_page() -> str:
    """The page of keys."""
    keymap = Keymap()
    parts = [_HEAD.format(leave=_code(keymap.labels("pane.leave")))]
    for group, members in groupby(ACTIONS, key=lambda action: action.group):
        parts.append(f"\n## {group}\n\n| key | what | action |\n|---|---|---|\n")
        for action in members:
            keys = " ".join(_code(label) for label in keymap.labels(action.id).split())
            mark = " !" if action.strong else ""
            where = " (in a pane)" if action.context == "pane" else ""
            parts.append(f"| {keys} | {action.title}{where}{mark} | `{action.id}` |\n")
    return "".join(parts)


def _code(label: str) -> str:
    """A key as code; a backquote and a bar need more than one sign in a table."""
    return f"`` {label} ``" if "`" in label else f"`{label}`"


def main() -> int:
    """Write the pages, or say which is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not current")
    options = parser.parse_args()
    if options.check:
        if KEYS.is_file() and KEYS.read_text("utf-8") == keys_page():
            return 0
        sys.stderr.write(f"{KEYS} is not current: run python scripts/docs.py\n")
        return 1
    KEYS.write_text(keys_page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

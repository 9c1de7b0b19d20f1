"""Another process that changes a bead: `retitle.py BEADS_DIR ID`.

For every line on stdin the bead gets it as its title, synced; then the monotonic times before and
after the write are printed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from gastown_tui.adapters.store import open_store
from gastown_tui.domain.operations import SetField


def main() -> None:
    store = open_store(Path(sys.argv[1]))
    for line in sys.stdin:
        start = time.monotonic()
        store.apply([SetField(bead=sys.argv[2], field="title", value=line.strip())], actor="bench")
        print(start, time.monotonic(), flush=True)


if __name__ == "__main__":
    main()

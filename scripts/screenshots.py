"""Pictures of a running town's screen, as SVG: `scripts/screenshots.py TOWN [--out DIR]`.

The screen runs without a terminal against the town's daemons, exactly as a person would see it.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from gastown_tui.roots.tui import Cockpit

SHOTS = {
    "town-120x40": (120, 40, ()),
    "town-200x55": (200, 55, ()),
    "queue-120x40": (120, 40, ("3",)),
    "wall-200x55": (200, 55, ("t",)),
}
"""Name to columns, rows, and the keys that are pressed first."""


async def take(town: Path, out: Path, name: str, settle_s: float) -> Path:
    """Open the screen, press the keys, wait until it has settled, write the picture."""
    columns, rows, keys = SHOTS[name]
    app = Cockpit(town)
    async with app.run_test(size=(columns, rows)) as pilot:
        await pilot.pause(settle_s)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        await pilot.pause(settle_s)
        picture = app.export_screenshot(title="gastown")
    path = out / f"{name}.svg"
    path.write_text(picture)
    return path


async def take_all(town: Path, out: Path, settle_s: float) -> None:
    """Every picture of the table."""
    out.mkdir(parents=True, exist_ok=True)
    for name in SHOTS:
        print(await take(town, out, name, settle_s))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("town", type=Path)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--settle", type=float, default=1.5, metavar="SECONDS")
    options = parser.parse_args()
    asyncio.run(take_all(options.town.resolve(), options.out, options.settle))


if __name__ == "__main__":
    main()

"""Where everything stands, for any size of terminal from 40x10 to 400x120.

============== ============================================================================
size           what is shown
============== ============================================================================
small          list and pane side by side; a drawer over the lower part on request
medium         list and pane, a drawer below with one panel at a time
large          list, pane of 120 columns, a column of panels; a row of tiles below
huge           list and convoys, pane, tiles beside and below it, cards, a column of panels
============== ============================================================================

Columns stand one cell apart; rows follow each other, their title lines tell them apart.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

PANELS: Final = ("agents", "tree", "queue", "convoys", "events")
"""In the order of their number keys."""
DENSITIES: Final = ("auto", "tiles", "cards", "rows")
"""What `t` goes through: by size, a wall of tiles, a wall of cards, lists and one pane."""
LOWER: Final = ("queue", "convoys", "events", "tree")
"""The panels of the drawer."""
CARD_HEIGHT: Final = 4
PTY_COLUMNS: Final = 120
"""The usual width of a session's terminal; the pane gets as many where there is room."""
_PROBLEMS: Final = 3
_ROWS_A_PROBLEM: Final = 10
"""At most so many problems have a line, and one in so many rows of the screen."""


class Place(NamedTuple):
    """A rectangle in cells of the screen."""

    x: int
    y: int
    width: int
    height: int


class Slot(msgspec.Struct, frozen=True):
    """A rectangle that shows one of several panels; its first line names them."""

    panels: tuple[str, ...]
    place: Place


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole screen."""

    strip: Place
    """The top line, and below it the problems that have a line."""
    hints: Place
    pane: Place | None
    slots: tuple[Slot, ...] = ()
    tiles: tuple[Place, ...] = ()
    cards: tuple[Place, ...] = ()


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What the overseer wants to see."""

    agents: int = 0
    density: str = "auto"
    zoom: bool = False
    drawer: bool = False
    """Is a panel of the drawer in use; only asked where the drawer is not always there."""
    pane: bool = False
    """Does the pane take the keys; only asked where there is none (a wall)."""
    problems: int = 0
    """What is wrong with the town as a whole: a line each, but for a zoomed pane."""


def plan(width: int, height: int, view: View) -> Plan:
    """The plan of a screen of `width` by `height` cells."""
    width, height = max(width, 20), max(height, 6)
    top = 1 if view.zoom else 1 + min(view.problems, _PROBLEMS, height // _ROWS_A_PROBLEM)
    body = Place(0, top, width, height - top - 1)
    strip, hints = Place(0, 0, width, top), Place(0, height - 1, width, 1)
    if view.zoom or (view.density in ("tiles", "cards") and view.pane):
        return Plan(strip=strip, hints=hints, pane=body)
    if view.density in ("tiles", "cards"):
        found = _wall(body, view)
    elif width < 100 or height < 30:
        found = _small(body, view)
    elif width < 170 or height < 46 or view.density == "rows":
        found = _medium(body, view)
    elif width < 260 or height < 70:
        found = _large(body, view)
    else:
        found = _huge(body, view)
    return msgspec.structs.replace(found, strip=strip, hints=hints)


_NOWHERE: Final = Place(0, 0, 0, 0)


def _plan(
    pane: Place | None,
    slots: tuple[Slot, ...],
    tiles: tuple[Place, ...] = (),
    cards: tuple[Place, ...] = (),
) -> Plan:
    return Plan(strip=_NOWHERE, hints=_NOWHERE, pane=pane, slots=slots, tiles=tiles, cards=cards)


def _small(body: Place, view: View) -> Plan:
    drawer = min(max(6, body.height * 2 // 5), max(0, body.height - 5)) if view.drawer else 0
    upper = body.height - drawer
    listed = max(16, min(34, body.width * 7 // 20))
    slots = [Slot(("agents",), Place(body.x, body.y, listed, upper))]
    if drawer:
        slots.append(Slot(LOWER, Place(body.x, body.y + upper, body.width, drawer)))
    pane = Place(listed + 1, body.y, body.width - listed - 1, upper)
    return _plan(pane, tuple(slots))


def _medium(body: Place, view: View) -> Plan:
    drawer = max(9, min(16, body.height // 4))
    upper = body.height - drawer
    listed = 34 if body.width < 170 else max(40, min(60, body.width - PTY_COLUMNS - 1))
    return _plan(
        Place(listed + 1, body.y, body.width - listed - 1, upper),
        (
            Slot(("agents",), Place(body.x, body.y, listed, upper)),
            Slot(LOWER, Place(body.x, body.y + upper, body.width, drawer)),
        ),
    )


def _large(body: Place, view: View) -> Plan:
    listed = max(30, min(38, (body.width - PTY_COLUMNS - 2) * 3 // 7))
    side = max(40, min(60, body.width - PTY_COLUMNS - listed - 2))
    below = max(10, body.height * 27 // 100) if view.agents > 1 else 0
    upper = body.height - below
    centre = listed + 1
    pane_width = body.width - listed - side - 2
    beside = centre + pane_width + 1
    queue = max(8, upper // 3)
    events = max(8, upper // 4)
    tree = upper - queue - events
    slots = (
        Slot(("agents",), Place(body.x, body.y, listed, body.height)),
        Slot(("tree",), Place(beside, body.y, side, tree)),
        Slot(("queue",), Place(beside, body.y + tree, side, queue)),
        Slot(("convoys", "events"), Place(beside, body.y + tree + queue, side, events)),
    )
    ground = Place(centre, body.y + upper, body.width - centre, below)
    wanted = min(view.agents - 1, max(1, (ground.width + 1) // 55))
    tiles = _grid(ground, wanted, 1) if below else ()
    return _plan(Place(centre, body.y, pane_width, upper), slots, tiles)


def _huge(body: Place, view: View) -> Plan:
    listed, side = 42, 58
    centre = listed + 1
    room = body.width - listed - side - 2
    convoys = max(9, min(14, body.height // 7))
    beside = centre + room + 1
    queue, tree = body.height * 2 // 7, body.height * 3 // 7
    slots = (
        Slot(("agents",), Place(body.x, body.y, listed, body.height - convoys)),
        Slot(("convoys",), Place(body.x, body.y + body.height - convoys, listed, convoys)),
        Slot(("queue",), Place(beside, body.y, side, queue)),
        Slot(("tree",), Place(beside, body.y + queue, side, tree)),
        Slot(("events",), Place(beside, body.y + queue + tree, side, body.height - queue - tree)),
    )
    pane_width = min(PTY_COLUMNS + 2, room)
    pane_height = min(body.height // 2, 46)
    rest = max(0, view.agents - 1)
    tiles: list[Place] = []
    right = Place(centre + pane_width + 1, body.y, room - pane_width - 1, pane_height)
    if right.width >= 40:
        tiles += _grid(right, min(rest, 3), min(rest, 3))
    rest -= len(tiles)
    lower = Place(centre, body.y + pane_height, room, body.height - pane_height)
    across = max(1, (room + 1) // 49)
    lower_tiles = min(rest, across * 2)
    rest -= lower_tiles
    cards_across = max(1, (room + 1) // 29)
    card_rows = min(-(-rest // cards_across), 4)
    cards_height = card_rows * CARD_HEIGHT
    above = Place(lower.x, lower.y, room, lower.height - cards_height)
    rows = -(-lower_tiles // across) if lower_tiles else 0
    tiles += _grid(above, lower_tiles, rows)
    ground = Place(lower.x, lower.y + above.height, room, cards_height)
    cards = _grid(ground, min(rest, card_rows * cards_across), card_rows)
    return _plan(Place(centre, body.y, pane_width, pane_height), slots, tuple(tiles), cards)


def _wall(body: Place, view: View) -> Plan:
    listed = 34 if body.width >= 120 else 0
    slots = (Slot(("agents",), Place(body.x, body.y, listed, body.height)),) if listed else ()
    x = listed + 1 if listed else 0
    ground = Place(x, body.y, body.width - x, body.height)
    if view.density == "cards":
        across = max(1, (ground.width + 1) // 33)
        rows = min(-(-view.agents // across), ground.height // CARD_HEIGHT)
        tall = Place(ground.x, ground.y, ground.width, rows * CARD_HEIGHT)
        return _plan(None, slots, (), _grid(tall, min(view.agents, across * rows), rows))
    number, rows = _wall_shape(ground, view.agents)
    return _plan(None, slots, _grid(ground, number, rows))


def _wall_shape(ground: Place, agents: int) -> tuple[int, int]:
    """How many tiles, in how many rows: all agents if they fit, each near 80 by 24."""
    best, shape = -1.0, (0, 0)
    for across in range(1, max(1, (ground.width + 1) // 37) + 1):
        rows = min(-(-agents // across), max(1, ground.height // 6))
        shown = min(agents, across * rows)
        if not shown:
            continue
        size = min(ground.width / across / 80, ground.height / rows / 24, 1.0)
        score = shown * 10 + size
        if score > best:
            best, shape = score, (shown, rows)
    return shape


def _grid(ground: Place, number: int, rows: int) -> tuple[Place, ...]:
    """`number` rectangles in `rows` rows that fill the ground; the last row may be short."""
    if number <= 0 or rows <= 0 or ground.height < rows:
        return ()
    across = -(-number // rows)
    found = []
    for at in range(number):
        row, column = divmod(at, across)
        top = ground.height * row // rows
        bottom = ground.height * (row + 1) // rows
        left = (ground.width + 1) * column // across
        right = (ground.width + 1) * (column + 1) // across - 1
        found.append(Place(ground.x + left, ground.y + top, right - left, bottom - top))
    return tuple(found)


def assign_tiles(
    before: tuple[str, ...], ranked: tuple[str, ...], urgent: frozenset[str], places: int
) -> tuple[str, ...]:
    """Which agent stands in which tile; who has a tile keeps it as long as nobody is urgent.

    Args:
        before: Session names by tile, as they stand; empty string for an empty tile.
        ranked: Who may have a tile, the most interesting first.
        urgent: Who must have one; takes the place of the least interesting that is not urgent.
        places: How many tiles there are.
    """
    allowed = frozenset(ranked)
    kept = [key if key in allowed else "" for key in before[:places]]
    kept += [""] * (places - len(kept))
    have = set(kept)
    waiting = [key for key in ranked if key not in have]
    waiting.sort(key=lambda key: key not in urgent)
    rank = {key: at for at, key in enumerate(ranked)}
    for key in waiting:
        if "" in kept:
            kept[kept.index("")] = key
            continue
        if key not in urgent:
            break
        calm = [at for at, each in enumerate(kept) if each not in urgent]
        if not calm:
            break
        kept[max(calm, key=lambda at: rank[kept[at]])] = key
    return tuple(kept)

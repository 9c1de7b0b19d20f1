"""A layout that puts every child where its parent says."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

from textual.geometry import NULL_SPACING, Offset, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from gastown_tui.viewmodels.layout import Place


class HasPlaces(Protocol):
    """A parent that knows where its children stand."""

    places: dict[Widget, Place]


class Placed(Layout):
    """Children without a place are not shown.

    A parent's arrangement is kept until a child asks for a layout: after a change of places, call
    `refresh(layout=True)` on a child.
    """

    name: ClassVar[str] = "placed"

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: FBT001
    ) -> ArrangeResult:
        """The children's places as Textual wants them."""
        places = cast(HasPlaces, parent).places
        return [
            WidgetPlacement(Region(*places[child]), Offset(0, 0), NULL_SPACING, child)
            for child in children
            if child in places
        ]

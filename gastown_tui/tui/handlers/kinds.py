"""What a handler is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from gastown_tui.tui.desk import Desk

Handler: TypeAlias = Callable[[Desk], Coroutine[Any, Any, None] | None]
"""Does at once what it can; what has to wait for an answer is a coroutine."""

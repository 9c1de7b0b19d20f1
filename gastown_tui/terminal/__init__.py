"""Terminal emulation (libghostty) behind one small class; used by the screens process alone."""

from __future__ import annotations

from gastown_tui.terminal.emulator import Terminal
from gastown_tui.terminal.model import Cursor, Damage, Mouse, Safety

__all__ = ["Cursor", "Damage", "Mouse", "Safety", "Terminal"]

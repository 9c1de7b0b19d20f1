"""The Textual screen: paints view models and rows, turns keys into requests."""

from __future__ import annotations

import os

# Textual waits for its next tick before it paints; at its own 60 a second that was a third of the
# time from a key to its echo. Nothing is painted more often: panes set their own pace.
os.environ.setdefault("TEXTUAL_FPS", "240")

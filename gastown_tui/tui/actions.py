"""Every action there is: one registry for keys, palette, help and hints."""

from __future__ import annotations

from typing import Final

import msgspec


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something the overseer can do."""

    id: str
    title: str
    keys: tuple[str, ...] = ()
    """Textual's names of its keys; `[keys]` in `town.toml` can say otherwise."""
    context: str = "nav"
    """nav, pane, diff or bead: where its keys hold."""
    group: str = "Move"
    hint: str = ""
    """A word for the line of hints; empty when it is not shown there."""
    strong: bool = False
    """Does it end, delete or stop something: guarded against stray keys."""


def _action(id: str, keys: str, title: str, hint: str = "", **more: str | bool) -> Action:  # noqa: A002
    return Action(
        id=id,
        title=title,
        keys=tuple(keys.split()),
        hint=hint,
        context=str(more.get("context", "nav")),
        strong=bool(more.get("strong")),
    )


def _group(name: str, *actions: Action) -> tuple[Action, ...]:
    return tuple(msgspec.structs.replace(each, group=name) for each in actions)


_MOVE: Final = _group(
    "Move",
    _action("cursor.down", "j down", "Down"),
    _action("cursor.up", "k up", "Up"),
    _action("cursor.first", "g home", "First row"),
    _action("cursor.last", "G end", "Last row"),
    _action("cursor.half_down", "ctrl+d", "Half a page down"),
    _action("cursor.half_up", "ctrl+u", "Half a page up"),
    _action("cursor.page_down", "full_stop pagedown", "Page down"),
    _action("cursor.page_up", "comma pageup", "Page up"),
    _action("fold.close", "h left", "Fold, or to the parent"),
    _action("fold.open", "l right", "Unfold"),
    _action("open", "o", "Open what the row stands for"),
    _action("panel.next", "tab", "Next panel"),
    _action("panel.previous", "shift+tab", "Previous panel"),
    _action("panel.agents", "1", "Agents"),
    _action("panel.tree", "2", "Tree of epics and beads"),
    _action("panel.queue", "3", "Merge queue"),
    _action("panel.convoys", "4", "Convoys"),
    _action("panel.events", "5", "Events"),
    _action("filter", "slash", "Filter the list", "filter"),
)
_PANE: Final = _group(
    "Panes",
    _action("pane.focus", "enter i", "Type into the agent", "type"),
    _action("pane.zoom", "z", "Zoom the pane", "zoom"),
    _action("pane.last", "grave_accent", "Back to the agent before"),
    _action("pane.history_up", "shift+pageup", "Up in the session's history"),
    _action("pane.history_down", "shift+pagedown", "Down in the session's history"),
    _action("pane.mayor", "M", "Talk to the mayor", "mayor"),
    _action("view.density", "t", "Density: by size, tiles, cards, rows", "density"),
    _action("pane.literal", "ctrl+q", "Twice: send ctrl+q to the agent"),
    _action("pane.leave", "ctrl+q", "Leave the pane", "leave", context="pane"),
)
_AGENT: Final = _group(
    "Agents",
    _action("needs.next", "w", "Next agent or change that waits for me", "next need"),
    _action("needs.previous", "W", "Previous agent or change that waits for me"),
    _action("needs.only", "p", "Show only agents that need me"),
    _action("agent.nudge", "n", "Nudge: write to the agent", "nudge"),
    _action("agent.nudge_mode", "N", "Nudge, and choose when"),
    _action("agent.broadcast", "b", "Write to several agents"),
    _action("dialog.approve", "a", "Approve the dialog, once; open the gate", "approve"),
    _action("dialog.always", "A", "Approve, and do not ask again"),
    _action("dialog.deny", "D", "Deny the dialog", "deny"),
    _action("agent.interrupt", "I", "Interrupt the agent's turn"),
    _action("agent.stop", "x", "Stop the agent", "stop", strong=True),
    _action("agent.kill", "X", "Kill the agent", strong=True),
    _action("agent.restart", "R", "Restart, resuming the conversation", strong=True),
    _action("agent.fresh", "T", "Restart with a fresh conversation", strong=True),
    _action("agent.shell", "exclamation_mark", "A shell in the agent's sandbox", "shell"),
    _action("agent.pause", "P", "Pause the agent, or let it go on"),
    _action("mark.toggle", "space", "Mark the agent"),
    _action("mark.all", "asterisk", "Mark all that the filter shows"),
    _action("mark.clear", "backslash", "Clear the marks"),
)
_WORK: Final = _group(
    "Work",
    _action("diff.show", "d", "Diff of the agent or request", "diff"),
    _action("queue.menu", "m", "Merge queue: approve, reject, hold, retry, drop, gates", "queue"),
    _action("queue.approve", "", "Approve the request"),
    _action("queue.reject", "", "Reject the request, with a reason", strong=True),
    _action("queue.hold", "", "Hold the request"),
    _action("queue.retry", "", "Try the request again"),
    _action("queue.drop", "", "Drop the request", strong=True),
    _action("queue.gates", "L", "Gates of the request: what they print, live", "gates"),
    _action("queue.cancel", "", "End the gates of the request now", strong=True),
    _action("bead.create", "B", "Create a bead", "bead"),
    _action("bead.sling", "s", "Sling a bead to an agent", "sling"),
    _action("bead.unhook", "u", "Take the bead off its hook, sling it anew", strong=True),
    _action("bead.show", "v", "Look at the bead: texts, links, comments, history", "look"),
    _action("proposal.show", "O", "Mayor's proposal: look, accept, change, drop", "proposal"),
    _action("copy.id", "y", "Copy the id"),
)
_TOWN: Final = _group(
    "Town",
    _action("palette", "colon ctrl+p", "Palette: every action, every object", "palette"),
    _action("help", "question_mark f1", "Help", "help"),
    _action("town.start", "", "Start what is not running"),
    _action("town.estop", "E", "Freeze all agents at once: the emergency stop", strong=True),
    _action("town.pause", "", "Pause the town: start and land nothing new"),
    _action("town.up", "", "Let a paused town go on"),
    _action("town.resume_all", "", "After an absence: who goes on, all, some or fresh"),
    _action("town.capacity", "C", "How many agents work at once, and what that takes"),
    _action("queue.release", "", "Let the merge queue of a held rig go on"),
    _action("town.thaw", "U", "Thaw: let all frozen agents go on"),
    _action("back", "escape", "Back: filter, zoom, history"),
    _action("quit", "q", "Quit the screen; the agents keep running", "quit"),
)
_DIFF: Final = _group(
    "Diff",
    _action(
        "diff.since", "l", "Only what is new since your last look, or all", "new", context="diff"
    ),
    _action("diff.approve", "m", "Approve for merge the tip shown", "approve", context="diff"),
    _action("diff.reject", "x", "Reject, with a reason", "reject", context="diff", strong=True),
    _action(
        "diff.comment", "c", "Comment on the line, or change the comment", "comment", context="diff"
    ),
    _action("diff.undo", "u", "Ask for this hunk to be undone, or not", "undo", context="diff"),
    _action("diff.send", "S", "Send the comments back as one prompt", "send", context="diff"),
    _action("diff.seen", "v", "File seen, on to the next; or not seen", "seen", context="diff"),
    _action("diff.nudge", "n", "Write to the agent, with the comments", "nudge", context="diff"),
    _action("diff.retry", "t", "Try a rejected request again", "again", context="diff"),
    _action("diff.drop", "X", "Drop a rejected request", "drop", context="diff", strong=True),
    _action("diff.next_hunk", "right_square_bracket", "Next hunk", "hunk", context="diff"),
    _action("diff.previous_hunk", "left_square_bracket", "Previous hunk", context="diff"),
    _action("diff.next_file", "right_curly_bracket tab", "Next file", "file", context="diff"),
    _action("diff.previous_file", "left_curly_bracket shift+tab", "Previous file", context="diff"),
    _action("diff.side", "s", "Side by side, or unified", "side by side", context="diff"),
    _action("diff.editor", "o", "Open the file in your editor at the line", context="diff"),
    _action("diff.shell", "exclamation_mark", "A shell where the files are", context="diff"),
    _action("diff.down", "j down", "Line down", context="diff"),
    _action("diff.up", "k up", "Line up", context="diff"),
    _action("diff.right", "right", "On along long lines", context="diff"),
    _action("diff.left", "left", "Back along long lines", context="diff"),
    _action("diff.half_down", "ctrl+d", "Half a page down", context="diff"),
    _action("diff.half_up", "ctrl+u", "Half a page up", context="diff"),
    _action("diff.page_down", "space pagedown full_stop", "Page down", context="diff"),
    _action("diff.page_up", "pageup comma", "Page up", context="diff"),
    _action("diff.first", "g home", "First line", context="diff"),
    _action("diff.last", "G end", "Last line", context="diff"),
    _action("diff.help", "question_mark f1", "Help", context="diff"),
    _action("diff.close", "q escape", "Back to the town", "back", context="diff"),
)
_BEAD: Final = _group(
    "Bead",
    _action("bead.down", "j down", "Line down", context="bead"),
    _action("bead.up", "k up", "Line up", context="bead"),
    _action("bead.half_down", "ctrl+d", "Half a page down", context="bead"),
    _action("bead.half_up", "ctrl+u", "Half a page up", context="bead"),
    _action("bead.page_down", "space pagedown full_stop", "Page down", context="bead"),
    _action("bead.page_up", "pageup comma", "Page up", context="bead"),
    _action("bead.first", "g home", "First line", context="bead"),
    _action("bead.last", "G end", "Last line", context="bead"),
    _action("bead.next_link", "tab n", "Next linked bead", context="bead"),
    _action("bead.previous_link", "shift+tab N", "Previous linked bead", context="bead"),
    _action("bead.open", "enter l right", "Look at the linked bead", "follow", context="bead"),
    _action("bead.back", "backspace h left", "The bead before", "before", context="bead"),
    _action("bead.title", "t", "Edit the title", context="bead"),
    _action("bead.text", "e", "Edit a text of it", "edit", context="bead"),
    _action("bead.comment", "c", "Comment", "comment", context="bead"),
    _action("bead.priority", "p", "Another priority", "priority", context="bead"),
    _action("bead.kind", "y", "Another type", context="bead"),
    _action("bead.label", "L", "Add or remove a label", context="bead"),
    _action("bead.claim", "C", "Claim it for yourself", context="bead"),
    _action("bead.sling_it", "s", "Sling it to an agent", "sling", context="bead"),
    _action("bead.pour", "f", "Give it the steps of a formula", "formula", context="bead"),
    _action("bead.close", "x", "Close it", "close", context="bead", strong=True),
    _action("bead.reopen", "r", "Open it again", "reopen", context="bead"),
    _action("bead.defer", "z", "Put it off", context="bead"),
    _action("bead.agent", "o", "To the agent that has it", context="bead"),
    _action("bead.help", "question_mark f1", "Help", context="bead"),
    _action("bead.leave", "q escape", "Back to the town", "back", context="bead"),
)

ACTIONS: Final = (*_PANE, *_AGENT, *_WORK, *_MOVE, *_TOWN, *_DIFF, *_BEAD)
_HINTED: Final = (
    "pane.focus needs.next dialog.approve dialog.deny agent.nudge diff.show queue.menu bead.sling"
    " pane.mayor palette help agent.stop pane.zoom view.density filter bead.create quit"
)
HINTED: Final = tuple(_HINTED.split())
"""Whose keys the line of hints shows in the dashboard, the most wanted first."""
BY_ID: Final = {each.id: each for each in ACTIONS}

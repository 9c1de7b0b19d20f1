"""What `bd batch` and `bd create --graph` read: several writes that are to be done as one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gastown_tui.domain.errors import BadInput

MOST: Final = 10_000
"""Lines or nodes in one go."""
KEYS: Final = ("status", "priority", "title", "assignee", "force")
"""What `update` of a batch sets."""
_LEAST: Final[dict[str, tuple[int, str]]] = {
    "close": (1, "close ID [REASON]"),
    "update": (2, "update ID KEY=VALUE ..."),
    "create": (3, "create TYPE PRIORITY TITLE"),
    "dep.add": (2, "dep add ID DEPENDS_ON [TYPE]"),
    "dep.remove": (2, "dep remove ID DEPENDS_ON"),
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a batch."""

    number: int
    """Counted from 1, comments and empty lines included."""
    text: str
    verb: str
    """close, update, create, dep.add or dep.remove."""
    words: tuple[str, ...]
    """What follows the verb."""

    def pairs(self) -> dict[str, str]:
        """What an `update` sets.

        Raises:
            BadInput: a word is no pair, or its key is none that a batch sets.
        """
        found: dict[str, str] = {}
        for word in self.words[1:]:
            key, equals, value = word.partition("=")
            if not equals or key not in KEYS:
                raise BadInput(f"{word!r} is not KEY=VALUE with one of {', '.join(KEYS)}")
            found[key] = value
        return found


def read_batch(text: str) -> list[Line]:
    """The lines of a batch, in the grammar of `bd batch`.

    Raises:
        BadInput: a line is none; it is named.
    """
    found: list[Line] = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        words = _words(bare, number)
        count = 2 if words[0] == "dep" else 1
        verb, rest = ".".join(words[:count]), tuple(words[count:])
        if verb not in _LEAST:
            known = "close, update, create, dep add, dep remove"
            raise BadInput(f"line {number}: there is no {' '.join(words[:count])!r}; it is {known}")
        least, usage = _LEAST[verb]
        if len(rest) < least:
            raise BadInput(f"line {number} ({bare}): it is `{usage}`")
        found.append(Line(number=number, text=bare, verb=verb, words=rest))
    if len(found) > MOST:
        raise BadInput(f"a batch has at most {MOST} lines")
    return found


def _words(line: str, number: int) -> list[str]:
    """Split at blanks; within double quotes blanks stay, and a backslash takes what follows."""
    words: list[str] = []
    word, quoted, has_word, escaped = "", False, False, False
    for char in line:
        if escaped:
            word, escaped = word + char, False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted, has_word = not quoted, True
        elif char.isspace() and not quoted:
            if has_word:
                words.append(word)
            word, has_word = "", False
        else:
            word, has_word = word + char, True
    if quoted:
        raise BadInput(f"line {number} ({line}): a quotation mark is not closed")
    return [*words, word] if has_word else words


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A bead of a graph."""

    key: str
    title: str
    type: str = "task"
    description: str = ""
    assignee: str = ""
    priority: int = 2
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    metadata_refs: dict[str, str] = {}
    """Metadata keys that are to hold the ids of other nodes."""
    parent_key: str = ""
    parent_id: str = ""
    assign_after_create: bool = False
    """Changes nothing here: all is one write."""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """One node, or a bead there is, depends on another."""

    from_key: str = ""
    from_id: str = ""
    to_key: str = ""
    to_id: str = ""
    type: str = "blocks"


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Beads to be made together with the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    commit_message: str = ""


def read_graph(data: bytes) -> Graph:
    """The plan of `bd create --graph`.

    Raises:
        BadInput: it is none: no JSON of this shape, keys twice, or ends that are not there.
    """
    try:
        graph = msgspec.json.decode(data, type=Graph)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"the graph cannot be read ({str(error)[:200]})") from error
    if not graph.nodes or len(graph.nodes) > MOST:
        raise BadInput(f"a graph has 1 to {MOST} nodes")
    keys: set[str] = set()
    for node in graph.nodes:
        if not node.key or node.key in keys:
            raise BadInput(f"the key {node.key!r} is empty or stands for two nodes")
        keys.add(node.key)
    for node in graph.nodes:
        wanted = {node.parent_key, *node.metadata_refs.values()} - {""}
        if missing := sorted(wanted - keys):
            raise BadInput(f"{node.key}: there is no node {missing[0]!r}")
        if node.parent_key and node.parent_id:
            raise BadInput(f"{node.key} has parent_key and parent_id: one of them")
    for place, edge in enumerate(graph.edges):
        for key, bead in ((edge.from_key, edge.from_id), (edge.to_key, edge.to_id)):
            if bool(key) == bool(bead):
                raise BadInput(f"edge {place}: each end is a key of a node or an id of a bead")
            if key and key not in keys:
                raise BadInput(f"edge {place}: there is no node {key!r}")
    return graph

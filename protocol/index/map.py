"""The map in memory: one draft that is being written, and published states that are being read.

The draft is written in place, in the arrays of one `Trie`. Before anything that the newest published state
needs is changed for the first time, what it was is put into that state's **images**; a reader of the state
takes an image where there is one, and the arrays everywhere else. The states form a chain from older to
newer: what is not in the images of a state is as the next one knows it. So publishing puts one more state at
the end, whatever the size of the map, and a state can be read for as long as somebody has it. When nobody
does, its images go with it.

**Threads.** One thread at a time may call the methods of `IndexMap`. Any number of threads may read any
`MapSnapshot` meanwhile, without locks and without waiting, and get what was published: an image is there
before the arrays change, so a reader that reads the arrays first and looks for an image second cannot miss a
change. This relies on a single operation on a dict, array or bytearray being indivisible, as in CPython.

**Cost.** 105 bytes a key, and up to an eighth more where arrays have room to grow. A `put` walks down some
log2 n + 1 nodes and hashes nothing. `root_hash` hashes each node above a change once, however many puts there
were. For each of those the newest published state keeps an image, some 250 bytes, until nobody has it. Who
reads an old state looks through all later ones for images, so a state is for a while and not for ever.
"""

from collections.abc import Iterable
from typing import TypeAlias

from protocol.index.chain import EMPTY_CHAIN, IndexedLeaf, extend_chain
from protocol.index.map_proof import EMPTY_MAP_ROOT, MapProof, Neighbour, PathStep, hash_map_leaf
from protocol.index.subject import KEY_BITS, KEY_BYTES
from protocol.index.trie import Trie, build_trie
from protocol.tlog.merkle import HASH_BYTES

_NodeImage: TypeAlias = tuple[int, int, bytes]
"""What a node was: the references of its children, and its hash."""


class MapSnapshot:
    """A published state of the map, which never changes. Every thread may read it.

    Attributes:
        root_hash: The root of the map, 32 bytes.
    """

    __slots__ = ("_newer", "_nodes", "_root", "_size", "_trie", "_values", "root_hash")

    def __init__(self, trie: Trie, root: int | None) -> None:
        self._trie = trie
        self._root = root
        self._size = len(trie)
        self._nodes: dict[int, _NodeImage] = {}
        self._values: dict[int, bytes] = {}
        self._newer: MapSnapshot | None = None
        self.root_hash = EMPTY_MAP_ROOT if root is None else trie.hash(root)

    def __len__(self) -> int:
        """How many keys it has."""
        return self._size

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, if it has one."""
        reference, bits = self._root, int.from_bytes(key)
        if reference is None:
            return None
        while reference >= 0:
            left, right = self._children(reference)
            reference = right if bits >> self._trie.shifts[reference] & 1 else left
        return self._value(~reference) if self._trie.key(~reference) == key else None

    def prove(self, key: bytes) -> MapProof:
        """The proof that `key` has the value that `get` gives, or none."""
        reference, bits = self._root, int.from_bytes(key)
        if reference is None:
            return MapProof()
        path = []
        while reference >= 0:
            shift = self._trie.shifts[reference]
            left, right = self._children(reference)
            sibling, reference = (left, right) if bits >> shift & 1 else (right, left)
            path.append(PathStep(KEY_BITS - 1 - shift, self._hash(sibling)))
        found = self._trie.key(~reference)
        neighbour = None if found == key else Neighbour(found, self._value(~reference))
        return MapProof(tuple(reversed(path)), neighbour)

    # The arrays are read first and the images second; the other way round, a change could come in between.

    def _children(self, node: int) -> tuple[int, int]:
        children = self._trie.children
        now = children[2 * node], children[2 * node + 1]
        image = self._image(node)
        return now if image is None else image[:2]

    def _hash(self, reference: int) -> bytes:
        if reference < 0:
            return hash_map_leaf(self._trie.key(~reference), self._value(~reference))
        now = self._trie.hash(reference)
        image = self._image(reference)
        return now if image is None else image[2]

    def _value(self, leaf: int) -> bytes:
        now = self._trie.value(leaf)
        snapshot: MapSnapshot | None = self
        while snapshot is not None:
            if leaf in snapshot._values:
                return snapshot._values[leaf]
            snapshot = snapshot._newer
        return now

    def _image(self, node: int) -> _NodeImage | None:
        snapshot: MapSnapshot | None = self
        while snapshot is not None:
            if node in snapshot._nodes:
                return snapshot._nodes[node]
            snapshot = snapshot._newer
        return None


class IndexMap:
    """The map with a draft: what was put since the last `commit` and is not published.

    Begins with `items`, each a key and its value, as the published state; the order does not matter.

    Raises:
        ValueError: a key or a value that does not have 32 bytes, or a key twice.
    """

    __slots__ = ("_published", "_root", "_stale", "_trie")

    def __init__(self, items: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._trie, self._root = build_trie(items)
        self._stale: set[int] = set()  # nodes to be hashed again; all those above one of them are there too
        self._published = MapSnapshot(self._trie, self._root)

    @property
    def published(self) -> MapSnapshot:
        """The state as of the last `commit`. Every thread may ask for it."""
        return self._published

    def __len__(self) -> int:
        """How many keys the draft has."""
        return len(self._trie)

    def get(self, key: bytes) -> bytes | None:
        """The value of `key` in the draft, if it has one."""
        if self._root is None:
            return None
        leaf = ~self._descend(key)[-1]
        return self._trie.value(leaf) if self._trie.key(leaf) == key else None

    def put(self, key: bytes, value: bytes) -> None:
        """Give `key` the value `value` in the draft, in place of the one it may have.

        Raises:
            ValueError: one of them does not have 32 bytes.
        """
        if len(key) != KEY_BYTES or len(value) != HASH_BYTES:
            raise ValueError("a key and a value have 32 bytes")
        if self._root is None:
            self._root = self._trie.add_leaf(key, value)
            return
        path = self._descend(key)
        leaf = ~path[-1]
        if (found := self._trie.key(leaf)) == key:
            self._touch(path[:-1])
            if leaf < len(self._published):
                self._published._values.setdefault(leaf, self._trie.value(leaf))
            self._trie.set_value(leaf, value)
        else:
            self._insert(key, value, path, int.from_bytes(found))

    def append(self, key: bytes, leaf: IndexedLeaf) -> None:
        """Take one more leaf of the log into the draft: one about the subject that has `key`."""
        self.put(key, extend_chain(self.get(key) or EMPTY_CHAIN, leaf))

    def root_hash(self) -> bytes:
        """The root of the draft, 32 bytes."""
        # Shifts grow on the way up, so in their order each node comes after those below it.
        for node in sorted(self._stale, key=self._trie.shifts.__getitem__):
            self._trie.set_hash(node, self._trie.compute_hash(node))
        self._stale.clear()
        return EMPTY_MAP_ROOT if self._root is None else self._trie.hash(self._root)

    def commit(self) -> MapSnapshot:
        """Make the draft the newest state.

        The states before stay as they are. Who may show a state only later, when others have cosigned it,
        keeps what this returns until then, and goes on writing.
        """
        self.root_hash()
        snapshot = MapSnapshot(self._trie, self._root)
        self._published._newer = snapshot
        self._published = snapshot
        return snapshot

    def discard(self) -> None:
        """Go back to the published state."""
        published = self._published
        for node, (left, right, hash_) in published._nodes.items():
            self._trie.children[2 * node], self._trie.children[2 * node + 1] = left, right
            self._trie.set_hash(node, hash_)
        for leaf, value in published._values.items():
            self._trie.set_value(leaf, value)
        # The images stay, for readers that saw the arrays before; they are true of the next draft as well.
        self._trie.truncate(len(published))
        self._root = published._root
        self._stale.clear()

    def _descend(self, key: bytes) -> list[int]:
        """The references that a search for `key` passes, from the root to a leaf."""
        children, shifts, bits = self._trie.children, self._trie.shifts, int.from_bytes(key)
        reference = self._root
        assert reference is not None
        path = [reference]
        while reference >= 0:
            reference = children[2 * reference + (bits >> shifts[reference] & 1)]
            path.append(reference)
        return path

    def _insert(self, key: bytes, value: bytes, path: list[int], found: int) -> None:
        """Put a leaf where `key` parts from `found`, the bits of the key at the end of `path`."""
        bits, shifts = int.from_bytes(key), self._trie.shifts
        shift = (bits ^ found).bit_length() - 1
        below = path.pop()
        while path and shifts[path[-1]] < shift:
            below = path.pop()
        self._touch(path)
        leaf = self._trie.add_leaf(key, value)
        left, right = (below, leaf) if bits >> shift & 1 else (leaf, below)
        node = self._trie.add_node(shift, left, right)
        self._stale.add(node)
        if path:
            self._trie.children[2 * path[-1] + (bits >> shifts[path[-1]] & 1)] = node
        else:
            self._root = node

    def _touch(self, path: list[int]) -> None:
        """Before a change below them: keep images of the nodes of `path`, and call them stale."""
        trie, images, published_nodes = self._trie, self._published._nodes, len(self._published) - 1
        for node in reversed(path):
            if node in self._stale:
                break
            if node < published_nodes and node not in images:
                images[node] = (trie.children[2 * node], trie.children[2 * node + 1], trie.hash(node))
            self._stale.add(node)

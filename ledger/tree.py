"""The two Merkle trees of a ledger: what they are called, and where they are."""

from enum import StrEnum

from protocol.index.leaf import index_origin


class Tree(StrEnum):
    """Which of the ledger's trees; the words stand in its tables and addresses."""

    LOG = "log"
    INDEX = "index"

    def origin(self, log: str) -> str:
        """The origin of this tree of the ledger whose log has the origin `log`."""
        return log if self is Tree.LOG else index_origin(log)

    def url(self, ledger: str) -> str:
        """Where the files of this tree are, of the ledger at the URL `ledger`."""
        return ledger if self is Tree.LOG else f"{ledger}/index"

"""An independent node of a ledger: it copies the log, checks every entry, and cosigns what it has stored.

Decided in docs/decisions/0008. A node has no secret but its own key, and believes nobody: the log signs what
it shows, the node proves it and remembers it.
"""

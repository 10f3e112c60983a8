"""What the nodes of a ledger have approved of the DIDs that name them as witnesses, and what is served of it.

Only programs that know did:webvh, and nothing of the log, need any of this (decision 0014).
"""

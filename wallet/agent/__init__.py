"""The agent: a process that keeps the key of an open wallet, so that scripts need not ask again.

It never has the passphrase, nor what the wallet holds: only the master key of its sealed file. It hands that
to processes of the same user until it rests for too long or is told to lock. Locking ends the process, which
is the one way in Python to be sure that a key is gone from memory.
"""

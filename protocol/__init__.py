"""What the parties say to each other, and how it is checked.

Everything here is pure: bytes and times in, values or a typed error out. No disk, no network, no clock,
no randomness; those are handed in by the floors above. Start reading at `protocol.sdjwt.verify`.
"""

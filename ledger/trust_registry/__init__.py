"""The trust registry: whether an institution is accredited, asked in the words of ToIP TRQP v2, and proven.

Nothing here is believed for being answered: the proofs stand beside it.
"""

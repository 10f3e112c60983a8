"""The index: all that a log holds about one subject, with the proof that it is all (formats/tally-proof)."""

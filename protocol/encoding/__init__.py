"""The spellings everything else is written in, each with exactly one accepted form."""

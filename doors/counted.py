"""How many there are, in words."""


def counted(count: int, one: str, many: str) -> str:
    """So many of them: `1 entry`, `2 entries`."""
    return f"{count} {one if count == 1 else many}"

"""What a screen looks like, as text, compared with the picture that was agreed on.

`TALLY_PICTURES=write make test` draws them anew: look at each difference before it is committed.
"""

import os
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"


def assert_looks_like(name: str, text: str) -> None:
    """Compare with `pictures/<name>.txt`."""
    file = PICTURES / f"{name}.txt"
    drawn = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("TALLY_PICTURES") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(drawn, "utf-8")
    assert drawn == file.read_text("utf-8"), f"the screen {name} looks different"

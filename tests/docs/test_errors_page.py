import re

from protocol.codes import Code
from scripts.error_table import PAGE, render


def test_page_of_errors_is_what_the_table_of_codes_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m scripts.error_table"


def test_page_of_errors_lists_every_code_once() -> None:
    listed = re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [code.value for code in Code]

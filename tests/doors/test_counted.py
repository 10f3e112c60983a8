import pytest

from doors.counted import counted


@pytest.mark.parametrize(("count", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_one_is_not_several(count: int, said: str) -> None:
    assert counted(count, "entry", "entries") == said

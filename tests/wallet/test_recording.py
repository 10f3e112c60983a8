from wallet.door.recording import recording_warnings


def test_what_may_keep_the_screen_is_named_once_each() -> None:
    environment = {
        "TMUX": "/tmp/tmux",
        "ASCIINEMA_REC": "1",
        "ASCIINEMA_SESSION": "x",
        "HOME": "/",
        "STY": "",
    }
    assert list(recording_warnings(environment)) == [
        "asciinema records this terminal.",
        "This terminal is in tmux, which can keep what it shows.",
    ]


def test_terminal_of_its_own_gives_no_warning() -> None:
    assert list(recording_warnings({"TERM": "xterm"})) == []

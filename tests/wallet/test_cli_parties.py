from doors.exit_code import ExitCode
from protocol.codes import Code
from tests.wallet.holder import Holder
from tests.wallet.parties import ISSUER, NOW, VERIFIER, Outside, signed, unsigned

CLIENT_ID = f"decentralized_identifier:{VERIFIER}"


def test_parties_are_listed_with_the_form_scripts_rely_on(holder: Holder) -> None:
    assert holder.run("party", "list", "--json").json == {"parties": []}
    assert "No parties yet." in holder.run("party", "list").stderr
    holder.hold()
    holder.run("present", signed(), "--yes")
    assert holder.run("party", "list", "--json").json == {
        "parties": [
            {
                "party": CLIENT_ID,
                "role": "verifier",
                "mark": "seen",
                "name": "Northgate",
                "hosts": ["verifier.example"],
                "first_seen": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
                "last_seen": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
                "presentations": 1,
                "credentials": 0,
            }
        ]
    }
    assert holder.run("party", "list").stdout.splitlines() == [
        "– seen      northgate on ledger.example  “Northgate”",
        "            verifier, answered 1 time, first 2026-11-22, last 2026-11-22",
        "            at verifier.example",
        f"            {CLIENT_ID}",
    ]


def test_party_that_never_signed_is_listed_so_and_cannot_be_trusted(holder: Holder) -> None:
    holder.run("present", unsigned(), "--decline")
    assert "! never signed: anybody can ask in its name" in holder.run("party", "list").stdout
    ended = holder.run("party", "trust", "verifier.example", "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.UNTRUSTED, Code.REQUEST_CLIENT_UNVERIFIED)
    ended = holder.run("party", "block", "verifier.example")
    assert ended.stdout == "✓ verifier.example: ✗ blocked\n"


def test_marks_are_put_on_and_taken_off(holder: Holder) -> None:
    holder.run("present", signed(), "--decline")
    for command, mark in (("trust", "trusted"), ("block", "blocked"), ("unmark", "seen")):
        yes = ("--yes",) if command == "trust" else ()
        assert holder.run("party", command, VERIFIER, "--json", *yes).json["mark"] == mark


def test_trusting_and_forgetting_ask_first(holder: Holder) -> None:
    holder.run("present", signed(), "--decline")
    for command in ("trust", "forget"):
        ended = holder.run("party", command, VERIFIER, "--no-input")
        assert ended.status == ExitCode.USAGE
        assert "--yes" in ended.stderr
        assert "northgate on ledger.example" in ended.stderr
    assert holder.run("party", "forget", VERIFIER, "--yes", "--json").json == {"forgotten": CLIENT_ID}
    assert holder.run("party", "block", VERIFIER, "--json").error == "not_found"


def test_blocked_issuer_gives_nothing_more_and_what_it_gave_is_marked(holder: Holder) -> None:
    assert holder.run("add", holder.outside.offer(), "--yes").status == 0
    (issuer,) = holder.run("party", "list", "--json").json["parties"]
    assert (issuer["role"], issuer["party"], issuer["credentials"]) == ("issuer", ISSUER, 1)
    assert "issuer, gave you 1 credential" in holder.run("party", "list").stdout
    (listed,) = holder.run("list", "--json").json["credentials"]
    assert not listed["issuer_blocked"]
    assert holder.run("party", "block", ISSUER).status == 0
    (listed,) = holder.run("list", "--json").json["credentials"]
    assert listed["issuer_blocked"]
    assert holder.run("show", listed["id"], "--json").json["issuer_blocked"]
    for command in (("list",), ("show", listed["id"]), ("status",)):
        assert "✗ you blocked its issuer" in holder.run(*command).stdout
    ended = holder.run("add", Outside(transaction_code="1").offer(), "--json")
    assert (ended.status, ended.error) == (ExitCode.UNTRUSTED, "party_blocked")
    entries = holder.run("activity", "--json").json["activity"]
    assert [(entry["kind"], entry["outcome"]) for entry in entries] == [
        ("refused", "party_blocked"),
        ("received", None),
    ]

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from doors.exit_code import ExitCode
from doors.server import listen, running
from protocol.tlog.policy import parse_log_policy
from tests.ledger.conftest import Tally
from tests.ledger.process import Operator
from tests.ledger.test_node_policy import line_of, node, nodes


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options that name four nodes."""
    options = []
    for each in nodes(4):
        file = tmp_path / each.name
        file.write_text(f"# {each.name}\n{line_of(each)}")
        options += ["--node", str(file)]
    return options


def lines(count: int) -> list[str]:
    return [word for each in nodes(count) for word in ("--node", line_of(each).strip())]


def policy_of(operator: Operator) -> str:
    return (operator.home / "ledger" / "policy").read_text()


def explained(tally: Tally, tmp_path: Path, *rest: str) -> str:
    """What is said of a policy of seven nodes that ends in these lines."""
    file = tmp_path / "explained"
    file.write_text("".join(line_of(each) for each in nodes(7)) + "".join(f"{line}\n" for line in rest))
    said = tally("policy", "explain", str(file))
    assert said.status == ExitCode.SUCCESS
    return said.out


def test_policy_of_a_new_ledger_is_said_to_be_the_word_of_its_operator(
    operator: Operator, tally: Tally
) -> None:
    said = tally("policy", "explain").out
    assert "! Only the operator of the log stands behind it" in said
    document = tally("policy", "explain", "--json").json
    [cosigner] = document["cosigners"]
    assert (cosigner["kind"], cosigner["counts"]) == ("operator", True)
    assert (document["overlap"], document["survived_liars"], document["survived_absent"]) == (1, 0, 0)
    assert document["logs"][0]["origin"] == operator.ledger.origin


def test_policy_set_with_files_is_that_of_the_ledger(
    operator: Operator, tally: Tally, files: list[str]
) -> None:
    said = tally("policy", "set", *files, "--quorum", "3", "--json")
    assert said.status == ExitCode.SUCCESS
    assert (said.json["survived_liars"], said.json["survived_absent"]) == (1, 1)
    assert said.json["policy"] == policy_of(operator)
    assert said.json["file"] == str(operator.home / "ledger" / "policy")
    made = parse_log_policy(policy_of(operator))
    assert (made.quorum, made.groups[0].threshold) == ("nodes", 3)
    assert operator.ledger.origin == made.logs[0].key.name
    assert tally("policy", "explain", "--json").json["groups"] == said.json["groups"]
    assert "any 3 of 4" in tally("policy", "explain").out


def test_lines_of_real_nodes_make_a_policy(
    operator: Operator, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy").write_text(policy_of(operator))
    options = []
    for host in ("alice.example", "bob.example", "carol.example", "dave.example"):
        monkeypatch.setenv("TALLY_HOME", str(tmp_path / host))
        only = ["--witness-only"] if host == "dave.example" else []
        assert tally("node", "init", "--policy", "policy", "--host", host, *only).status == ExitCode.SUCCESS
        [line] = (tmp_path / host).rglob("policy-line")
        options += ["--node", str(line)]
    monkeypatch.setenv("TALLY_HOME", str(operator.home))
    said = tally("policy", "set", *options, "--json")
    assert said.status == ExitCode.SUCCESS
    kinds = [cosigner["kind"] for cosigner in said.json["cosigners"]]
    assert kinds == ["operator", "copy", "copy", "copy", "witness"]
    assert said.json["survived_liars"] == 1


def test_policy_is_set_with_lines_and_says_what_it_survives(operator: Operator, tally: Tally) -> None:
    said = tally("policy", "set", *lines(4))
    assert "✓ 1 may lie" in said.out
    assert "✓ 1 may be away" in said.out
    assert "started again" in said.err
    assert "group nodes 3 " in policy_of(operator)


def test_quorum_that_survives_nobody_is_set_only_when_asked_for(operator: Operator, tally: Tally) -> None:
    before = policy_of(operator)
    refused = tally("policy", "set", *lines(3), "--quorum", "2", "--json")
    assert (refused.status, refused.code) == (ExitCode.FAILURE, "quorum_unsafe")
    assert policy_of(operator) == before
    said = tally("policy", "set", *lines(3), "--quorum", "2", "--survive", "0")
    assert said.status == ExitCode.SUCCESS
    assert "! None may lie" in said.out
    assert "group nodes 2 " in policy_of(operator)


def test_operator_counts_when_asked_for_and_is_named(operator: Operator, tally: Tally) -> None:
    said = tally("policy", "set", *lines(3), "--keep-operator")
    assert "! The operator of the log counts as one of them" in said.out
    assert policy_of(operator).splitlines()[-2].endswith(" operator")


def test_policy_is_written_elsewhere_and_never_over_something(
    operator: Operator, tally: Tally, tmp_path: Path
) -> None:
    before, out = policy_of(operator), tmp_path / "out"
    said = tally("policy", "set", *lines(4), "--out", str(out))
    assert "started again" not in said.err
    assert parse_log_policy(out.read_text()).quorum == "nodes"
    assert policy_of(operator) == before
    again = tally("policy", "set", *lines(4), "--out", str(out), "--json")
    assert again.code == "vault_exists"
    nowhere = tally("policy", "set", *lines(4), "--out", str(tmp_path / "no" / "out"), "--json")
    assert (nowhere.status, nowhere.code) == (ExitCode.USAGE, "usage_invalid")


def test_node_is_asked_for_its_line_and_its_key_confirmed(operator: Operator, tally: Tally) -> None:
    before = policy_of(operator)

    def answer(request: Request) -> Response:
        number = request.path_params["number"]
        return PlainTextResponse(
            line_of(node(number)) if number < 9 else "nothing", 503 if number > 9 else 200
        )

    app = Starlette(routes=[Route("/{number:int}/policy-line", answer)])
    with listen("127.0.0.1", 0) as listener, running(app, listener):
        url = f"http://node.localhost:{listener.socket.getsockname()[1]}"
        known, asked = lines(3), ["--node", f"{url}/3"]
        unconfirmed = tally("policy", "set", *known, *asked, "--json")
        assert (unconfirmed.status, unconfirmed.code) == (ExitCode.USAGE, "input_required")
        assert "node-3.example/copy+" in tally("policy", "set", *known, *asked).err
        assert policy_of(operator) == before
        said = tally("policy", "set", *known, *asked, "--yes", "--json")
        assert [group["members"][-1] for group in said.json["groups"]] == ["node-3"]
        assert tally("policy", "set", "--node", f"{url}/9", "--yes", "--json").code == "log_policy_invalid"
        ill = tally("policy", "set", *asked, "--node", f"{url}/10", "--yes", "--json")
        assert (ill.status, ill.code) == (ExitCode.NETWORK, "network_status")
        assert f"{url}/10 answered 503" in tally("policy", "set", *asked, "--node", f"{url}/10", "--yes").err
        none = tally("policy", "set", *asked, "--node", f"{url}/x", "--yes", "--json")
        assert (none.status, none.code) == (ExitCode.NETWORK, "network_content_type")
        assert f"{url}/x is no node" in tally("policy", "set", *asked, "--node", f"{url}/x", "--yes").err
    away = tally("policy", "set", *known, *asked, "--yes", "--json")
    assert (away.status, away.code) == (ExitCode.NETWORK, "network_unreachable")


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["set"], ExitCode.USAGE, "usage_invalid"),
        (["set", "--node", "missing"], ExitCode.USAGE, "usage_invalid"),
        (["set", "--node", "ftp://node.example"], ExitCode.USAGE, "ledger_address_invalid"),
        (["set", "--node", "witness a b"], ExitCode.FAILURE, "log_policy_invalid"),
        (["set", "--quorum", "0"], ExitCode.USAGE, "usage_invalid"),
        (["explain", "missing"], ExitCode.USAGE, "usage_invalid"),
        (["explain", "passphrase"], ExitCode.FAILURE, "log_policy_invalid"),
    ],
)
def test_wrong_use_of_the_policy_is_said_in_words(
    operator: Operator, tally: Tally, arguments: list[str], status: ExitCode, code: str
) -> None:
    said = tally("policy", *arguments, "--json")
    assert (said.status, said.code) == (status, code)


def test_policy_of_no_ledger_is_not_there(tally: Tally) -> None:
    for arguments in (["explain"], ["set", *lines(4)]):
        said = tally("policy", *arguments, "--json")
        assert (said.status, said.code) == (ExitCode.NOT_FOUND, "not_initialized")


def test_policy_without_a_quorum_is_worth_nothing(tally: Tally, tmp_path: Path) -> None:
    said = explained(tally, tmp_path, "quorum none")
    assert "! Nothing:" in said
    assert "nobody" in said


def test_quorums_that_need_nobody_in_common_are_warned_of(tally: Tally, tmp_path: Path) -> None:
    said = explained(tally, tmp_path, "group g 2 node-0 node-1 node-2 node-3", "quorum g")
    assert "! Two quorums need nobody in common" in said
    assert said.count("does not count") == 3


def test_groups_within_groups_are_shown_as_a_tree(tally: Tally, tmp_path: Path) -> None:
    said = explained(
        tally,
        tmp_path,
        "group inner 2 node-0 node-1 node-2",
        "group outer all inner node-3",
        "quorum outer",
    )
    tree = said[said.index("  outer") : said.index("What that survives")]
    assert tree.splitlines() == [
        "  outer: any 2 of 2",
        "    inner: any 2 of 3",
        "      node-0",
        "      node-1",
        "      node-2",
        "    node-3",
    ]
    assert "✓ 1 may lie: any two quorums have 2 cosigners in common." in said
    assert "! None may be away" in said


def test_quorum_without_anybody_who_keeps_a_copy_is_warned_of(tally: Tally, tmp_path: Path) -> None:
    file = tmp_path / "explained"
    bare = [node(number, kind="witness") for number in range(4)]
    file.write_text("".join(map(line_of, bare)) + "group g 3 node-0 node-1 node-2 node-3\nquorum g\n")
    said = tally("policy", "explain", str(file)).out
    assert "! There is a quorum without anybody who says to keep a copy" in said
    assert "keeps no entries" in said


def test_names_of_strangers_do_not_act_on_the_terminal(tally: Tally, tmp_path: Path) -> None:
    file = tmp_path / "explained"
    hostile = "\x9b31mred\u202e" + "x" * 5000
    file.write_text(line_of(node(0, name=hostile)) + f"quorum {hostile}\n", encoding="utf-8")
    said = tally("policy", "explain", str(file))
    assert said.status == ExitCode.SUCCESS
    assert all(character.isprintable() or character == "\n" for character in said.out)
    assert max(map(len, said.out.splitlines())) < 600
    assert tally("policy", "explain", str(file), "--json").out.isascii()


def test_many_groups_within_each_other_are_explained(tally: Tally, tmp_path: Path) -> None:
    groups = [f"group g{number} any g{number - 1}" for number in range(1, 2000)]
    said = explained(tally, tmp_path, "group g0 2 node-0 node-1 node-2", *groups, "quorum g1999")
    assert max(map(len, said.splitlines())) < 200

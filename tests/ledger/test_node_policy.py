import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.node_policy import CosignerKind, create_node_policy, kind_of_cosigner, parse_node_line
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.note import NoteKey, SignatureType, encode_vkey
from protocol.tlog.policy import LogPolicy, Witness, encode_log_policy, parse_log_policy
from protocol.tlog.quorum import compute_quorum_worth
from tests.ledger.world import AUTHORITY, POLICY

(LOG, _), [OPERATOR] = POLICY.logs, POLICY.witnesses


def node(number: int, *, name: str | None = None, key: int | None = None, kind: str = "copy") -> Witness:
    public = Ed25519PrivateKey(bytes([100 + (number if key is None else key)]) * 32).public_key
    note_key = NoteKey(f"node-{number}.example/{kind}", SignatureType.ED25519_COSIGNATURE, public)
    return Witness(name or f"node-{number}", note_key, f"https://node-{number}.example")


def line_of(each: Witness) -> str:
    return f"witness {each.name} {encode_vkey(each.key)} {each.url}\n"


def nodes(count: int) -> list[Witness]:
    return [node(number) for number in range(count)]


def policy(
    cosigners: list[Witness],
    threshold: int | None = None,
    survive: int = 1,
    *,
    keep_operator: bool = False,
    before: LogPolicy = POLICY,
) -> LogPolicy:
    return create_node_policy(
        before, cosigners, threshold=threshold, survive=survive, keep_operator=keep_operator
    )


def code_of(
    cosigners: list[Witness], threshold: int | None = None, survive: int = 1, *, keep_operator: bool = False
) -> Code | None:
    try:
        policy(cosigners, threshold, survive, keep_operator=keep_operator)
    except TallyError as error:
        return error.code
    return None


LINE = line_of(node(0))


@pytest.mark.parametrize("text", [LINE, LINE[:-1], f"# run by Alice\n\n{LINE}", f"  {LINE}"])
def test_line_of_a_node_is_read(text: str) -> None:
    assert parse_node_line(text) == node(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "witness",
        f"{LINE}{line_of(node(1))}",
        f"log {encode_vkey(LOG.key)} https://ledger.example\n{LINE}",
        f"{LINE}group g 1 node-0\n",
        f"{LINE}quorum node-0\n",
        LINE.replace(" https://node-0.example", ""),
        LINE.replace("https://", "ftp://"),
        LINE.replace("https://node-0.example", "https://127.0.0.1"),
        LINE.replace("witness ", "log "),
        LINE.replace("node-0 ", "none "),
        f"witness node-0 {encode_vkey(LOG.key)} https://node-0.example\n",
        LINE.replace("\n", "\r\n"),
    ],
)
def test_what_is_not_the_line_of_one_node_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_node_line(text)
    assert caught.value.code is Code.LOG_POLICY_INVALID


@given(st.text(max_size=60))
def test_any_text_is_the_line_of_a_node_or_refused(text: str) -> None:
    for source in (text, f"witness {text}", LINE.replace("https", text)):
        try:
            assert parse_node_line(line_of(parse_node_line(source))) == parse_node_line(source)
        except MalformedError:
            continue


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("node.example/copy", CosignerKind.COPY),
        ("node.example/witness", CosignerKind.WITNESS),
        (f"{AUTHORITY}/operator", CosignerKind.OPERATOR),
        ("other.example/operator", CosignerKind.UNKNOWN),
        ("node.example/copy/", CosignerKind.UNKNOWN),
        ("node.example", CosignerKind.UNKNOWN),
    ],
)
def test_kind_of_a_cosigner_is_told_from_its_name(name: str, kind: CosignerKind) -> None:
    assert kind_of_cosigner(name, POLICY.logs) is kind


def test_quorum_of_nodes_keeps_the_log_and_does_not_count_the_operator() -> None:
    made = policy(nodes(4), 3)
    assert made.logs == POLICY.logs
    assert made.witnesses == (OPERATOR, *nodes(4))
    assert encode_log_policy(made).splitlines()[-2:] == [
        "group nodes 3 node-0 node-1 node-2 node-3",
        "quorum nodes",
    ]
    assert parse_log_policy(encode_log_policy(made)) == made


def test_operator_counts_as_one_of_them_when_asked_for() -> None:
    made = policy(nodes(3), 3, keep_operator=True)
    assert made.groups[0].members == ("node-0", "node-1", "node-2", "operator")


def test_policy_is_set_again_with_other_nodes() -> None:
    before = policy(nodes(4), 3)
    again = policy([node(5), node(6), node(7)], keep_operator=True, before=before)
    assert again.groups[0].members == ("node-5", "node-6", "node-7", "operator")
    assert {witness.name for witness in again.witnesses} == {"operator", "node-5", "node-6", "node-7"}


def test_operator_that_the_policy_does_not_name_cannot_be_kept() -> None:
    before = LogPolicy(POLICY.logs, (), (), "none")
    with pytest.raises(RefusedError) as caught:
        policy(nodes(3), keep_operator=True, before=before)
    assert caught.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("survive", range(3))
def test_quorum_is_made_exactly_where_it_survives_what_it_must(count: int, survive: int) -> None:
    made = []
    for threshold in range(1, count + 2):
        if code_of(nodes(count), threshold, survive) is None:
            worth = compute_quorum_worth(policy(nodes(count), threshold, survive))
            assert worth.overlap > survive
            assert worth.blocking > survive
            made.append(threshold)
        else:
            assert code_of(nodes(count), threshold, survive) is Code.QUORUM_UNSAFE
    assert bool(made) == (count > 3 * survive)
    if made:
        assert policy(nodes(count), None, survive).groups[0].threshold == made[0]
    else:
        assert code_of(nodes(count), None, survive) is Code.QUORUM_UNSAFE


@pytest.mark.parametrize(
    ("count", "threshold", "survive", "advice"),
    [
        (3, 2, 1, "4 nodes with --quorum 3 do; with 3, the most is --survive 0 with --quorum 2"),
        (6, 4, 2, "7 nodes with --quorum 5 do; with 6, the most is --survive 1 with --quorum 4"),
        (4, 2, 1, "with 4, --quorum 3 does"),
        (4, 4, 1, "with 4, --quorum 3 does"),
        (5, 6, 1, "with 5, --quorum 4 does"),
        (2, 1, 0, "with 2, --quorum 2 does"),
    ],
)
def test_refusal_names_the_smallest_numbers_that_work(
    count: int, threshold: int, survive: int, advice: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        policy(nodes(count), threshold, survive)
    assert caught.value.code is Code.QUORUM_UNSAFE
    assert caught.value.detail.endswith(f"; {advice}")


@pytest.mark.parametrize("name", ["node-1", "operator", "nodes"])
def test_name_that_stands_for_something_else_is_refused(name: str) -> None:
    four = [node(0, name=name), *nodes(4)[1:]]
    assert code_of(four) is Code.LOG_POLICY_INVALID


def test_node_that_is_named_twice_counts_once_and_so_is_refused() -> None:
    assert code_of([*nodes(3), node(3, key=0)]) is Code.LOG_POLICY_INVALID
    assert code_of([*nodes(3), node(0)]) is Code.LOG_POLICY_INVALID

"""The commands on the policy by which a ledger is trusted: `policy explain`, `policy set`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from doors.command import Group, pass_terminal
from doors.ledger_address import parse_ledger_address
from doors.prompts import confirm
from doors.terminal import Terminal, good, safe_text, verbatim
from doors.text_file import TextFile, write_new_file
from ledger.cli.owning import own_folder

if TYPE_CHECKING:
    from protocol.tlog.policy import Witness

policy = Group("policy", help="The nodes that must agree, and what they are worth.")


@dataclass(frozen=True, slots=True)
class NodeSource:
    """What says which node is meant: the text of its policy line, or the address to ask for it."""

    text: str
    is_address: bool


class NodeOption(click.ParamType[NodeSource]):
    """The type of an option that names a node: its line, a file with the line, or its address."""

    name = "node"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> NodeSource:
        """Read the file, if it is one.

        Raises:
            MalformedError: too long, not UTF-8, or no address.
        """
        if value.startswith(("witness ", "witness\t")):
            return NodeSource(value, is_address=False)
        if "://" in value:
            return NodeSource(parse_ledger_address(value), is_address=True)
        return NodeSource(TextFile().convert(value, param, ctx), is_address=False)


@policy.command("explain", examples=["tally ledger policy explain", "tally ledger policy explain policy"])
@click.argument("file", type=TextFile(), required=False)
@pass_terminal
def explain(terminal: Terminal, *, file: str | None) -> None:
    """Say in words what a policy demands, and how many liars it survives.

    Without FILE it is that of the ledger of this machine.
    """
    from ledger.cli.policy_lines import policy_document, policy_lines
    from protocol.tlog.policy import parse_log_policy

    explained = parse_log_policy(own_folder().policy() if file is None else file)
    terminal.document(policy_document(explained))
    for line in policy_lines(explained):
        terminal.say(*line)


@policy.command(
    "set",
    examples=[
        "tally ledger policy set --quorum 3 --node https://a.example \\\n"
        "    --node b.policy --node c.policy --node https://d.example"
    ],
)
@click.option(
    "--node",
    "nodes",
    type=NodeOption(),
    multiple=True,
    required=True,
    help="A node: its URL, its policy line, or a file with that line. Once for each.",
)
@click.option(
    "--quorum",
    "threshold",
    type=click.IntRange(1),
    help="How many must agree; as few as are safe by default.",
)
@click.option(
    "--survive",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many may lie, or be away.",
)
@click.option("--keep-operator", is_flag=True, help="Let the operator's own cosigner count as one of them.")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file instead.")
@click.option("--yes", is_flag=True, help="Do not ask whether keys that were fetched are the nodes' own.")
@pass_terminal
def set_policy(
    terminal: Terminal,
    *,
    nodes: tuple[NodeSource, ...],
    threshold: int | None,
    survive: int,
    keep_operator: bool,
    out: Path | None,
    yes: bool,
) -> None:
    """Let independent nodes decide what this ledger has published.

    The policy of the ledger in this home gets a new quorum. One that two histories could have, or that could
    not go on while --survive nodes are away, is not written.
    """
    from ledger.cli.policy_lines import policy_document, worth_lines
    from ledger.node_policy import create_node_policy, parse_node_line
    from protocol.tlog.policy import encode_log_policy, parse_log_policy

    folder = own_folder()
    before = parse_log_policy(folder.policy())
    chosen = [
        _fetch_node(terminal, source.text) if source.is_address else parse_node_line(source.text)
        for source in nodes
    ]
    made = create_node_policy(
        before, chosen, threshold=threshold, survive=survive, keep_operator=keep_operator
    )
    if any(source.is_address for source in nodes) and not yes:
        confirm(terminal, "Are these the keys that the operators of the nodes told you?")
    text = encode_log_policy(made)
    if out is None:
        file = folder.replace_policy(made)
    else:
        write_new_file(out, text, option="--out")
        file = out
    terminal.document({"file": str(file), "policy": text, **policy_document(made)})
    terminal.say(good("✓ "), f"Wrote {safe_text(str(file))}:")
    for each in text.splitlines():
        terminal.say(verbatim(each))
    for line in worth_lines(made):
        terminal.say(*line)
    terminal.note("Give it to everybody who trusts this ledger: their own file decides, not yours.")
    if out is None:
        terminal.note("A server that runs goes on with the old one until it is started again.")


def _fetch_node(terminal: Terminal, url: str) -> "Witness":
    from ledger.fetch import chosen_fetcher
    from ledger.node_policy import fetch_node_line
    from protocol.tlog.note import encode_vkey

    with chosen_fetcher(url) as fetcher:
        node = fetch_node_line(url, fetcher=fetcher)
    terminal.note(f"{url} says of itself, under the name {safe_text(node.name)}:")
    terminal.note(verbatim(f"  {encode_vkey(node.key)} {node.url}"))
    return node

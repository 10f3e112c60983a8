"""The command that says how a node stands."""

from typing import TYPE_CHECKING

import click

from doors.command import Command, pass_terminal
from doors.counted import counted
from doors.exit_code import ExitCode
from doors.terminal import Terminal, bad, good, verbatim, warning
from ledger.node.cli.owning import own_folder
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import TallyError, UnavailableError

if TYPE_CHECKING:
    from ledger.node.status import ApproverStatus, NodeStatus
    from ledger.node.trouble import Trouble


@click.command("status", cls=Command, examples=["tally ledger node status"])
@pass_terminal
def status(terminal: Terminal) -> ExitCode:
    """Say how the node stands: what it copied and cosigned, how far it is behind, and what is wrong.

    It ends with 0 when all is well, with 3 when something is wrong, and with 7 when that cannot be known.
    """
    from ledger.fetch import chosen_fetcher
    from ledger.node.status import read_status

    folder = own_folder()
    settings, ledger = folder.settings(), folder.ledger()
    with chosen_fetcher(ledger.url) as fetcher:
        found = read_status(folder, fetcher=fetcher)
    terminal.document({"origin": ledger.origin, "url": settings.url, **_status_document(found)})
    _say_status(terminal, ledger.origin, found)
    return _exit_code(found)


def _status_document(found: "NodeStatus") -> JsonObject:
    """What scripts are told."""
    published, cosigned = found.published_size, found.cosigned
    return {
        "running": found.is_running,
        "copied": found.copied_size,
        "cosigned": None
        if cosigned is None
        else {"size": cosigned.tree_size, "time": encode_utc(cosigned.time)},
        "published": None if isinstance(published, TallyError) else published,
        "lag": found.lag,
        "trouble": _trouble_document(found.trouble),
        "approver": None if found.approver is None else _approver_document(found.approver),
        "evidence": list[JsonValue](str(path) for path in found.evidence),
    }


def _say_status(terminal: Terminal, origin: str, found: "NodeStatus") -> None:
    """Tell a person how the node stands that follows the log `origin`."""
    yes, no = good("✓ "), bad("✗ ")
    terminal.say(
        yes if found.is_running else no, "it is running" if found.is_running else "it is not running"
    )
    published = found.published_size
    if isinstance(published, TallyError):
        terminal.say(warning("! "), f"what {origin} has published cannot be known: {published}")
    else:
        missing = f"{found.lag} of them are missing here" if found.lag else "all of them are here"
        terminal.say(yes, f"{origin} has published {_entries(published)}: {missing}")
    if found.copied_size is not None:
        terminal.say(yes, f"copied and checked: {_entries(found.copied_size)}")
    if found.cosigned is None:
        terminal.say("  nothing was cosigned yet")
    else:
        size, time = found.cosigned.tree_size, encode_utc(found.cosigned.time)
        terminal.say(yes, f"cosigned: {_entries(size)}, last at {time}")
    _say_approver(terminal, found.approver)
    if found.trouble is not None:
        terminal.say(no, _trouble_line(found.trouble))
    for path in found.evidence:
        terminal.say(no, "kept as evidence: ", verbatim(str(path)))


def _exit_code(found: "NodeStatus") -> ExitCode:
    """Whether all is well, something is wrong, or that cannot be known."""
    is_network = found.trouble is not None and found.trouble.code.startswith("network_")
    is_wrong = found.trouble is not None and not is_network
    published, approver = found.published_size, found.approver
    is_unknown = isinstance(published, UnavailableError)
    if isinstance(published, TallyError) and not is_unknown:
        is_wrong = True
    if approver is not None and approver.is_counting and approver.trouble is not None:
        is_wrong = True
    if is_wrong or found.evidence or not found.is_running:
        return ExitCode.NOT_VALID
    return ExitCode.NETWORK if is_network or is_unknown else ExitCode.SUCCESS


def _say_approver(terminal: Terminal, approver: "ApproverStatus | None") -> None:
    if approver is None:
        terminal.say("  it approves no entries of DIDs: it was made without a key for that")
        return
    if not approver.is_counting:
        reason = "its policy counts no nodes (`tally ledger node trust`)"
        terminal.say(warning("! "), f"it approves nothing as {approver.did}: {reason}")
    elif approver.trouble is not None:
        terminal.say(bad("✗ "), f"it approves nothing as {approver.did}, ", _trouble_line(approver.trouble))
    else:
        dids = counted(approver.dids, "DID", "DIDs")
        done = f"approved: {dids} in {_entries(approver.approved_size)}, as {approver.did}"
        terminal.say(good("✓ "), done)


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")


def _trouble_line(trouble: "Trouble") -> str:
    detail = f" ({trouble.detail})" if trouble.detail else ""
    return f"since {encode_utc(trouble.since)}: {trouble.code.meaning}{detail}"


def _trouble_document(trouble: "Trouble | None") -> JsonObject | None:
    if trouble is None:
        return None
    return {"code": trouble.code.value, "detail": trouble.detail, "since": encode_utc(trouble.since)}


def _approver_document(approver: "ApproverStatus") -> JsonObject:
    return {
        "did": approver.did,
        "counts_nodes": approver.is_counting,
        "approved": approver.approved_size,
        "dids": approver.dids,
        "trouble": _trouble_document(approver.trouble),
    }

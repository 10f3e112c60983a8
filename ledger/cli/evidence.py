"""What `tally ledger check --evidence` says of a file, without any network."""

from typing import TYPE_CHECKING

from doors.counted import counted
from doors.exit_code import ExitCode
from doors.terminal import Terminal, bad, bold, good, safe_text, verbatim
from ledger.cli.owning import own_folder
from protocol.encoding.strict_json import JsonObject, JsonValue

if TYPE_CHECKING:
    from protocol.tlog.checkpoint import Checkpoint
    from protocol.tlog.policy import LogPolicy

# More than the key of any log that means well.
_MAX_VKEY_CHARACTERS = 400


def check_evidence(terminal: Terminal, evidence: str, *, policy: str | None) -> ExitCode:
    """Say what the text of a fork evidence file proves, and whether the key is that of a log of `policy`.

    Without a policy it is compared with the ledger of this machine, if there is one; a proven fork of
    another log is then a success all the same.

    Raises:
        MalformedError, VerificationError: it proves nothing, or `policy` is none.
    """
    from protocol.tlog.fork import find_false_cosigners, parse_fork_evidence, verify_fork_evidence
    from protocol.tlog.note import encode_vkey

    by = _policy(policy)
    parsed = parse_fork_evidence(evidence)
    fork = verify_fork_evidence(parsed)
    vkey = encode_vkey(fork.log_key)
    is_trusted = None if by is None else fork.log_key in [log.key for log in by.logs]
    witnesses = () if by is None else by.witnesses
    found_out = find_false_cosigners(parsed, [witness.key for witness in witnesses])
    false = [witness.name for witness in witnesses if witness.key in found_out]
    terminal.document(
        {
            "origin": fork.origin,
            "key": vkey,
            "trusted": is_trusted,
            "smaller": _state(fork.smaller),
            "larger": _state(fork.larger),
            "false_cosigners": list[JsonValue](false),
        }
    )
    terminal.say(good("✓ "), "It is proven that ", bold(safe_text(fork.origin)), " signed two histories.")
    terminal.say("Whoever holds the key")
    terminal.say(verbatim(f"  {safe_text(vkey, max_characters=_MAX_VKEY_CHARACTERS)}"))
    terminal.say("signed both of these, and no honest log ever does:")
    for state in (fork.smaller, fork.larger):
        terminal.say(f"  {counted(state.tree_size, 'entry', 'entries')}, root hash {state.root_hash.hex()}")
    if fork.smaller.tree_size < fork.larger.tree_size:
        terminal.say("The second does not begin with the first.")
    for name in false:
        terminal.say(bad("✗ "), f"The cosigner {safe_text(name)} of the policy has cosigned both.")
    terminal.say(_advice(is_trusted, by_policy=policy is not None))
    return ExitCode.UNTRUSTED if policy is not None and not is_trusted else ExitCode.SUCCESS


def _policy(text: str | None) -> "LogPolicy | None":
    """The policy given, or that of the ledger of this machine if there is one."""
    from protocol.tlog.policy import parse_log_policy

    folder = own_folder()
    if text is not None:
        return parse_log_policy(text)
    return folder.ledger().policy if folder.is_initialized() else None


def _advice(is_trusted: bool | None, *, by_policy: bool) -> str:
    match is_trusted, by_policy:
        case True, True:
            return "The policy trusts this key: stop trusting that ledger, and show the file to others."
        case True, False:
            return "It is the key of the ledger of this machine: stop it, and find out who else has the key."
        case False, True:
            return "The policy does not trust this key: the file says nothing of the ledgers it trusts."
        case False, False:
            return "It is not the key of the ledger of this machine."
        case _:
            return "Whether it is the key of a ledger you trust, --policy tells."


def _state(checkpoint: "Checkpoint") -> JsonObject:
    return {"size": checkpoint.tree_size, "root": checkpoint.root_hash.hex()}

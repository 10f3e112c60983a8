"""The histories of DIDs in a mirror, as files for the resolvers of did:webvh.

    <name>/did.jsonl            the history of a DID; where it names witnesses, as far as they approve it
    <name>/did-witness.json     their proofs
    <name>/logged.jsonl         where it names witnesses: all of the history, for the mirror itself

Proofs stand in no log. They are taken from the ledger's server, each of them verified, and a resolver of the
mirror never finds an entry whose proofs are missing.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from ledger.fetch import Fetcher
from ledger.mirror_folder import MirrorPart
from ledger.tree import Tree
from protocol.codes import Code
from protocol.did.key import parse_did_key_method
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.parameters import WitnessRule, governing_witnesses
from protocol.did.webvh.witness import (
    MAX_WITNESS_FILE_BYTES,
    NO_WITNESS_PROOFS,
    WitnessProofs,
    count_approved,
    encode_witness_file,
    parse_witness_file,
    verify_witness_proof,
)
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.records import DidRecord, parse_leaf
from protocol.records.did import parse_did_record

# The one segment that our ledgers admit. Other logs may hold names of files of the mirror itself.
_HISTORY = re.compile(rf"/(?!checkpoint/|policy/|{Tree.INDEX}/)([a-z0-9-]{{1,63}})/did\.jsonl")
_SHOWN, _LOGGED, _PROOFS = "did.jsonl", "logged.jsonl", "did-witness.json"
_MARK = b'"witness"'


class MirroredHistories:
    """The histories in `folder`, the mirror of the ledger at `url`."""

    def __init__(self, folder: MirrorPart, url: str, *, fetcher: Fetcher, now: datetime) -> None:
        self._folder = folder
        self._url = url
        self._fetcher = fetcher
        self._now = now

    def add(self, entries: Sequence[bytes]) -> None:
        """Add what `entries` of the log hold of histories.

        Raises:
            RefusedError: MIRROR_DAMAGED, the beginning of one is gone.
            UnavailableError: the disk's fault.
        """
        for entry in entries:
            # Other logs may hold other things. They are mirrored, and are no histories.
            with suppress(MalformedError):
                record = parse_leaf(entry)
                if isinstance(record, DidRecord):
                    self._add(record)

    def show_approved(self) -> None:
        """Show of each history with witnesses what they have approved by now.

        Raises:
            UnavailableError: the ledger cannot be asked; or the disk's fault.
        """
        for name in self._folder.folders_with(_LOGGED):
            if self._read(name, _LOGGED) != self._read(name, _SHOWN):
                self._show(name)

    def _add(self, record: DidRecord) -> None:
        match = _HISTORY.fullmatch(record.did.log_path())
        if match is None:
            return
        name = match[1]
        lines = self._read(name, _LOGGED) or self._read(name, _SHOWN)
        # Whoever was first has the name. What a mirror that was killed had added is added again.
        before = lines[: record.entry.number - 1]
        if lines and parse_did_record(lines[0].rstrip(b"\n")).did.scid != record.did.scid:
            return
        if len(before) < record.entry.number - 1:
            raise RefusedError(Code.MIRROR_DAMAGED, record.did.log_path())
        grown = [*before, record.leaf + b"\n"]
        is_witnessed = any(_MARK in line for line in grown)
        self._write(name, _LOGGED if is_witnessed else _SHOWN, b"".join(grown))

    def _show(self, name: str) -> None:
        lines = self._read(name, _LOGGED)
        try:
            entries = [parse_entry(line.rstrip(b"\n")) for line in lines]
            rules = governing_witnesses(entry.parameters for entry in entries)
        except (MalformedError, VerificationError):
            # Nobody believes such a history, with proofs or without.
            self._write(name, _SHOWN, b"".join(lines))
            return
        held = parse_witness_file(self._folder.read(f"{name}/{_PROOFS}") or b"[]")
        numbers = {entry.version_id: entry.number for entry in entries}
        approvals: dict[str, dict[int, JsonObject]] = {}
        for proofs in (held, self._fetch_proofs(name)):
            self._take_proofs(approvals, proofs, numbers, rules)
        # Who has fetched what was shown until now, and not yet the proofs, needs the newest for that.
        shown_before = len(self._read(name, _SHOWN))
        for found in approvals.values():
            kept = max((number for number in found if number <= shown_before), default=0)
            for number in [number for number in found if number < kept]:
                del found[number]
        if (shown := count_approved(rules, approvals)) > 0:
            if approvals:
                self._write(name, _PROOFS, encode_witness_file(_by_version(approvals, numbers)))
            self._write(name, _SHOWN, b"".join(lines[:shown]))

    def _take_proofs(
        self,
        approvals: dict[str, dict[int, JsonObject]],
        proofs: WitnessProofs,
        numbers: Mapping[str, int],
        rules: Sequence[WitnessRule | None],
    ) -> None:
        named = {witness for rule in rules if rule is not None for witness in rule.witnesses}
        for version_id, number in numbers.items():
            for source in proofs.get(version_id, ()):
                with suppress(TallyError):
                    witness, _key = parse_did_key_method(text_member(source, "verificationMethod"))
                    if witness in named:
                        verify_witness_proof(source, version_id=version_id, witness=witness, now=self._now)
                        approvals.setdefault(witness, {})[number] = source

    def _fetch_proofs(self, name: str) -> WitnessProofs:
        """What the ledger serves; nothing where it has nothing, or nothing that can be read."""
        try:
            answer = self._fetcher.fetch_ok(
                f"{self._url}/{name}/{_PROOFS}", accept="application/json", max_bytes=MAX_WITNESS_FILE_BYTES
            )
            return parse_witness_file(answer.body)
        except UnavailableError as error:
            if error.code is not Code.NETWORK_STATUS:
                raise
        except MalformedError:
            pass
        return NO_WITNESS_PROOFS

    def _read(self, name: str, file: str) -> list[bytes]:
        return (self._folder.read(f"{name}/{file}") or b"").splitlines(keepends=True)

    def _write(self, name: str, file: str, data: bytes) -> None:
        self._folder.write(f"{name}/{file}", data)


def _by_version(
    approvals: Mapping[str, Mapping[int, JsonObject]], numbers: Mapping[str, int]
) -> dict[str, list[JsonObject]]:
    """The proofs as did-witness.json has them, in the order of versions."""
    proofs = {
        version_id: [found[number] for found in approvals.values() if number in found]
        for version_id, number in numbers.items()
    }
    return {version_id: found for version_id, found in proofs.items() if found}

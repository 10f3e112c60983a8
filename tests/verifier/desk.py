"""A verifier with a policy and nobody to ask: it decides by what is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.admission import Admission
from ledger.app import LedgerApp
from protocol.did.webvh.author import NewEntry
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.index.proof import encode_tally_proof
from protocol.index.subject import Subject, did_subject
from protocol.keys import Ed25519PrivateKey
from protocol.records import Record
from protocol.sdjwt_vc import issue_sd_jwt_vc
from tests.ledger.world import KEY, World, create, record
from tests.verifier.shop import DEGREE, STATUS_URI, status_token
from verifier.check import Material, check_document, check_material
from verifier.grounds import PolicyGrounds
from verifier.handed_in import HandedIn

ENTRY = create("university")
DID = ENTRY.version.did


@dataclass
class Desk:
    """A verifier with a policy that trusts a ledger and a university, and nobody to ask."""

    world: World
    path: Path
    did: str = DID

    @property
    def policy(self) -> Path:
        return self.path / "verifier" / "policy.toml"

    def log(self, *entries: NewEntry) -> None:
        self.log_records(*map(record, entries))

    def log_records(self, *records: Record) -> None:
        with self.world.sequencer() as sequencer:
            for each in records:
                sequencer.submit(each).result()

    def proof(self, did: str | None = None) -> bytes:
        return self.proof_about(did_subject(did or self.did))

    def proof_about(self, subject: Subject) -> bytes:
        with self.world.begun() as front_end:
            store = self.world.store()
            admission = Admission(store, authority=self.world.keys.origin)
            app = LedgerApp(store, front_end, admission, "", self.world.clock)
            return encode_tally_proof(app.evidence(subject)).encode()

    def credential(
        self,
        *,
        status: bool = False,
        key: Ed25519PrivateKey = KEY,
        name: str = "key-1",
        **changes: JsonValue,
    ) -> str:
        clock = self.world.clock()
        claims: JsonObject = {
            "iss": self.did,
            "vct": DEGREE.vct,
            "iat": int(clock.timestamp()),
            "exp": int((clock + timedelta(days=30)).timestamp()),
            "level": "master",
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        if status:
            claims["status"] = {"status_list": {"idx": 412, "uri": STATUS_URI}}
        return issue_sd_jwt_vc(
            claims, disclosable=[("level",)], key=key, key_id=f"{self.did}#{name}", salts=lambda: "salt" * 6
        ).encoded

    def status_list(self, value: int = 0, **changes: Any) -> str:
        signed: dict[str, Any] = {"issued_at": self.world.clock(), "key": KEY, "key_id": f"{self.did}#key-1"}
        return status_token(value, **(signed | changes))

    def check(
        self, text: str, *proofs: bytes, lists: tuple[str, ...] = (), at: datetime | None = None
    ) -> Any:
        clock = self.world.clock
        handed_in = HandedIn(proofs, lists, offline=True)
        with PolicyGrounds(
            self.policy, state=self.path / "state", clock=clock, handed_in=handed_in, at=at
        ) as grounds:
            checked = check_material(Material(text, None, None), grounds(), now=clock())
        return check_document(checked)

    def code(self, text: str, *proofs: bytes, **options: Any) -> str:
        code: str = self.check(text, *proofs, **options)["error"]["code"]
        return code

"""A verifier that asks for degrees and identity cards, an issuer of both, and a holder who answers."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Engine

from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.did.key import encode_did_key, encode_did_key_method, resolve_did_key
from protocol.did.verified import VerifiedDid
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, UnavailableError
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vp.dcql.query import ClaimQuery
from protocol.openid4vp.response import encode_response
from protocol.policy import VerificationPolicy
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.status_list import StatusList, create_status_list_token
from schemas import credential_type
from storage.register import open_register
from storage.seal import Seal
from tests.attacks.artefacts import DID, FRESH, ISSUER_KEY, KEY_ID, NOW, verified_did
from tests.counted import CountedEntropy
from verifier.grounds import Grounds
from verifier.question import CredentialQuestion, parse_path_text
from verifier.register import TABLES
from verifier.request import CreatedRequest, RequestDraft, create_request, nonce_of
from verifier.response import receive_answer
from verifier.result import RequestResult, read_result
from verifier.settings import VerifierSettings
from verifier.status_cache import StatusListMemory, StatusLists
from verifier.verifier import Verifier

VERIFIER_KEY = Ed25519PrivateKey(bytes(range(10, 42)))
VERIFIER_DID = encode_did_key(VERIFIER_KEY.public_key)
HOLDER_KEY = Ed25519PrivateKey(bytes(range(1, 33)))
OTHER_KEY = Ed25519PrivateKey(bytes(range(2, 34)))
DEGREE, IDENTITY_CARD = (credential_type(name) for name in ("degree", "identity_card"))
POLICY = VerificationPolicy(trusted_issuers={kind.vct: frozenset({DID}) for kind in (DEGREE, IDENTITY_CARD)})
STATUS_URI = "https://issuer.example/status/1"
STATUS_INDEX = 412
URL = "https://shop.example"


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class StatusHost:
    """Where the issuer's status lists are; it notes what it is asked."""

    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, uri: str) -> str:
        self.asked.append(uri)
        if uri not in self.tokens:
            raise UnavailableError(Code.NETWORK_UNREACHABLE, "issuer.example")
        return self.tokens[uri]


def status_token(
    value: int = 0,
    *,
    issued_at: datetime = NOW,
    uri: str = STATUS_URI,
    key: Ed25519PrivateKey = ISSUER_KEY,
    key_id: str = KEY_ID,
    time_to_live: timedelta = timedelta(seconds=300),
    lifetime: timedelta = timedelta(hours=24),
) -> str:
    """A signed status list in which the credential of these tests has this status."""
    return create_status_list_token(
        StatusList.all_valid(2, 1024).with_statuses({STATUS_INDEX: value}),
        uri=uri,
        key=key,
        key_id=key_id,
        issued_at=issued_at,
        expires_at=issued_at + lifetime,
        time_to_live=time_to_live,
    )


_salts = count()


def issue(
    vct: str = DEGREE.vct,
    *,
    status: bool = False,
    holder: Ed25519PrivateKey = HOLDER_KEY,
    key: Ed25519PrivateKey = ISSUER_KEY,
    **changes: Any,
) -> SdJwt:
    """A credential of the issuer, by default the example of its type, every claim disclosable."""
    kinds = {kind.vct: kind for kind in (DEGREE, IDENTITY_CARD)}
    claims: JsonObject = {**(kinds[vct].example if vct in kinds else {"level": "master"}), **changes}
    about: JsonObject = {
        "iss": DID,
        "vct": vct,
        "iat": int((NOW - timedelta(hours=1)).timestamp()),
        "exp": int((NOW + timedelta(days=400)).timestamp()),
        "cnf": {"jwk": encode_jwk(holder.public_key)},
    }
    if status:
        about["status"] = {"status_list": {"idx": STATUS_INDEX, "uri": STATUS_URI}}
    about |= {name: claims.pop(name) for name in list(claims) if name in ("iss", "exp", "iat")}
    return issue_sd_jwt_vc(
        about | claims,
        disclosable=[(name,) for name in claims],
        key=key,
        key_id=f"{about['iss']}#key-1",
        salts=lambda: f"{next(_salts):022d}",
    )


@dataclass
class Shop:
    """The verifier, and around it all that it asks."""

    folder: Path
    url: str = URL
    policy: VerificationPolicy = POLICY
    clock: Clock = field(default_factory=Clock)
    # Apart from that of the issuers of other tests, whose tokens would else be found again in our links.
    entropy: CountedEntropy = field(default_factory=lambda: CountedEntropy(1000))
    status: StatusHost = field(default_factory=StatusHost)
    issuers: dict[str, VerifiedDid] = field(default_factory=lambda: {DID: verified_did()})
    resolved: list[str] = field(default_factory=list)
    has_did: bool = True
    policy_fault: str | None = None
    database: str | None = None
    register: Engine = field(init=False)
    status_lists: StatusLists = field(init=False)

    def __post_init__(self) -> None:
        self.register = open_register(self.database or str(self.folder / "register.sqlite"), TABLES)
        memory = StatusListMemory(self.folder / "status-lists")
        self.status_lists = StatusLists(self.status.fetch, memory=memory)

    def close(self) -> None:
        self.register.dispose()

    @property
    def verifier(self) -> Verifier:
        key_id = encode_did_key_method(VERIFIER_KEY.public_key)
        return Verifier(
            settings=VerifierSettings("Shop <b>", self.url, VERIFIER_DID if self.has_did else None),
            register=self.register,
            seal=Seal(bytes(range(32))),
            grounds=lambda: self.grounds(),
            signer=(lambda: IdentityKey(VERIFIER_KEY, key_id)) if self.has_did else None,
        )

    def grounds(self) -> Grounds:
        if self.policy_fault is not None:
            raise RefusedError(Code.POLICY_INVALID, self.policy_fault)
        return Grounds(self.policy, True, self.resolve, self.status_lists)

    def resolve(self, did: str) -> VerifiedDid:
        self.resolved.append(did)
        if did.startswith("did:key:"):
            return resolve_did_key(did)
        if did not in self.issuers:
            raise UnavailableError(Code.DID_NOT_FOUND)
        # The ledger is alive: its state was co-signed just now.
        return replace(self.issuers[did], evidence=replace(FRESH, time=self.clock()))

    def trust(self, **changes: Any) -> None:
        self.policy = replace(self.policy, **changes)

    def ask(self, *needed: str, type_name: str = "degree", **changes: Any) -> CreatedRequest:
        question = CredentialQuestion(type_name, claims(*(needed or ("level",))))
        draft = RequestDraft(
            **{
                "questions": [question],
                "purpose": "Job application",
                "retention": timedelta(days=1),
                **changes,
            }
        )
        return create_request(self.verifier, draft, now=self.clock(), entropy=self.entropy)

    def answer(
        self, created: CreatedRequest, *paths: str, credential: SdJwt | None = None, **binding: Any
    ) -> bytes:
        """The form of an honest wallet for the claims at `paths`, but for what `binding` changes."""
        reference = reference_of(created)
        shown = self.present(created, *(paths or ("level",)), credential=credential, **binding)
        return encode_response({"degree": [shown]}, state=reference).encode()

    def present(
        self,
        created: CreatedRequest,
        *paths: str,
        credential: SdJwt | None = None,
        key: Ed25519PrivateKey = HOLDER_KEY,
        nonce: str | None = None,
        audience: str | None = None,
    ) -> str:
        source = credential or issue()
        shown = select_disclosures(source, [parse_path_text(path) for path in paths])
        reference = reference_of(created)
        is_signed = "request_uri" in created.link
        binding = create_key_binding(
            shown,
            key=key,
            nonce=nonce or nonce_of(reference),
            audience=audience or str(self.verifier.client_id(reference, is_signed=is_signed)),
            issued_at=self.clock(),
        )
        return shown.encoded_without_key_binding + binding

    def receive(self, created: CreatedRequest, body: bytes) -> str | None:
        return receive_answer(
            self.verifier, reference_of(created), body, now=self.clock(), entropy=self.entropy
        )

    def result(self, created: CreatedRequest, response_code: str | None = None) -> RequestResult:
        return read_result(self.verifier, created.id, response_code=response_code, now=self.clock())

    def presented(self, created: CreatedRequest) -> Any:
        presented = self.result(created).presented
        assert presented is not None
        return presented

    def answered(self, *needed: str, credential: SdJwt | None = None, **changes: Any) -> CreatedRequest:
        """A request with an honest answer."""
        created = self.ask(*needed, **changes)
        self.receive(created, self.answer(created, *needed, credential=credential))
        return created


def claims(*paths: str) -> tuple[ClaimQuery, ...]:
    return tuple(ClaimQuery(parse_path_text(path)) for path in paths)


def question(type_name: str, *needed: str, optional: Collection[str] = ()) -> CredentialQuestion:
    return CredentialQuestion(type_name, claims(*needed), claims(*optional))


def link_parameters(link: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(link).query).items()}


def reference_of(created: CreatedRequest) -> str:
    parameters = link_parameters(created.link)
    address = parameters.get("request_uri") or parameters["client_id"]
    return address.rpartition("/")[2]


def outcomes(checks: Sequence[Any]) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in checks}


def found_in(folder: Path, text: str) -> list[str]:
    """The files under `folder` that hold `text`."""
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


@contextmanager
def open_shop(folder: Path, **changes: Any) -> Iterator[Shop]:
    shop = Shop(folder, **changes)
    yield shop
    shop.close()

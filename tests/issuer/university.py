"""A university that issues degrees, and a wallet that fetches them, in memory but for the register."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from issuer.credential_type import TypeShelf
from issuer.grant import create_nonce, exchange_code
from issuer.institution import Institution
from issuer.issuance import issue_credential
from issuer.offer import CreatedOffer, create_offer
from issuer.refill import exchange_refresh_token
from issuer.register import TABLES
from issuer.seal import OfferSeal
from issuer.settings import IssuerSettings
from issuer.status import StatusPublisher
from ledger.identity import IdentityKey
from protocol.encoding.strict_json import JsonObject
from protocol.keys import Ed25519PrivateKey
from protocol.openid4vci.credential import ConfigurationId, CredentialRequest, IssuedCredentials
from protocol.openid4vci.proof import create_proof
from protocol.openid4vci.token import RefreshRequest, TokenRequest, TokenResponse
from schemas import credential_type
from storage.register import open_register
from tests.counted import CountedEntropy, SetClock
from tests.status_issuer import DID, KEY, KEY_ID

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLE: JsonObject = dict(credential_type("degree").example)
ALGORITHMS = ("EdDSA", "ES256")


def holder_key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey(number.to_bytes(32, "big"))


class University:
    """An institution that issues degrees and identity cards, and the steps of an issuance with it."""

    def __init__(
        self,
        folder: Path,
        *,
        url: str = "http://issuer.localhost:8102",
        seed: int = 0,
        database: str | None = None,
    ) -> None:
        self.clock = SetClock()
        self.entropy = CountedEntropy(seed)
        self.signer = IdentityKey(KEY, KEY_ID)
        types = TypeShelf(folder / "types")
        types.add(SCHEMAS / "degree", valid_days=1825)
        types.add(SCHEMAS / "identity_card", valid_days=30)
        self.institution = Institution(
            settings=IssuerSettings(name="City University", url=url, did=DID),
            types=types,
            register=open_register(database or str(folder / "register.sqlite"), TABLES),
            seal=OfferSeal(bytes(range(32))),
            signer=lambda: self.signer,
        )
        self.publisher = StatusPublisher(self.institution)

    @property
    def url(self) -> str:
        return self.institution.settings.url

    @property
    def register(self) -> Engine:
        return self.institution.register

    def close(self) -> None:
        self.register.dispose()

    def allow_refill(self, *, days: int = 365) -> None:
        """Let the wallets of degrees that are offered from now on fetch further copies."""
        self.institution.types.add(SCHEMAS / "degree", valid_days=1825, refill_days=days)

    def offer(
        self,
        *,
        claims: JsonObject | None = None,
        type_name: str = "degree",
        with_tx_code: bool = False,
        copies: int | None = None,
        lifetime: timedelta | None = None,
    ) -> CreatedOffer:
        return create_offer(
            self.institution,
            type_name=type_name,
            claims=EXAMPLE if claims is None else claims,
            with_tx_code=with_tx_code,
            copies=copies,
            lifetime=lifetime,
            now=self.clock.now,
            entropy=self.entropy,
        )

    def exchange(self, code: str, tx_code: str | None = None) -> str:
        """The access token for a code."""
        return self.tokens(code, tx_code).access_token

    def tokens(self, code: str, tx_code: str | None = None) -> TokenResponse:
        """All that is given for a code."""
        request = TokenRequest(code, tx_code)
        return exchange_code(self.institution, request, now=self.clock.now, entropy=self.entropy)

    def refresh(self, refresh_token: str | None) -> TokenResponse:
        """All that is given for a refresh token, which is there."""
        assert refresh_token is not None
        request = RefreshRequest(refresh_token)
        return exchange_refresh_token(self.institution, request, now=self.clock.now, entropy=self.entropy)

    def nonce(self) -> str:
        return create_nonce(self.register, now=self.clock.now, entropy=self.entropy)

    def proof(self, number: int = 1, *, nonce: str | None = None) -> str:
        """The proof of a holder's key, for a fresh nonce."""
        return create_proof(
            holder_key(number),
            audience=self.url,
            nonce=nonce or self.nonce(),
            issued_at=self.clock.now,
            algorithms=ALGORITHMS,
        )

    def proofs(self, count: int, *, first: int = 1) -> tuple[str, ...]:
        """The proofs of so many keys, for one fresh nonce."""
        nonce = self.nonce()
        return tuple(self.proof(number, nonce=nonce) for number in range(first, first + count))

    def issue(
        self, token: str, proofs: Sequence[str] | None = None, *, type_name: str = "degree"
    ) -> IssuedCredentials:
        request = CredentialRequest(
            ConfigurationId(type_name), tuple(self.proofs(1) if proofs is None else proofs)
        )
        return issue_credential(self.institution, request, token, now=self.clock.now, entropy=self.entropy)

    def issue_new(self, *, copies: int = 1) -> IssuedCredentials:
        """A degree, from a new offer to the answer."""
        return self.issue(self.exchange(self.offer().code), self.proofs(copies))

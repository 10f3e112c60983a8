"""Credentials in a wallet, made without any issuer, for the use cases that need nobody else."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from issuer.claims import disclosable_paths
from protocol.claim_path import ClaimPath
from protocol.encoding.strict_json import JsonObject
from protocol.keys import PublicKey
from protocol.keys.jwk import encode_jwk
from protocol.sdjwt_vc import issue_sd_jwt_vc
from schemas import credential_types
from tests.counted import NOW
from tests.status_issuer import DID, KEY, KEY_ID
from tests.wallet.counterparts import ENTROPY
from wallet.content import WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.pending import PendingCredential, PendingIssuance
from wallet.recovery_phrase import HolderKey, HolderKeyType

EMPTY = WalletContent(entropy=ENTROPY, next_key_index=0)
TYPES = {known.vct: known for known in credential_types()}
DEGREE, CARD, LICENCE = (
    f"urn:tallystick:{name}:1" for name in ("degree", "identity_card", "driving_licence")
)
STRANGE = "https://stranger.example/ticket"
VALID = Standing(word=StandingWord.VALID, checked_at=NOW)
PENDING = PendingIssuance(
    offer="an offer",
    issuer_url="https://issuer.example",
    credential_endpoint="https://issuer.example/credential",
    nonce_endpoint=None,
    notification_endpoint=None,
    access_token="a token",
    begun_at=NOW,
    credentials=(
        PendingCredential(
            configuration_id="degree",
            identifier=None,
            name="Degree",
            vct=DEGREE,
            proof_algorithms=("Ed25519",),
            keys=(HolderKey(HolderKeyType.ED25519, 1),),
        ),
    ),
)
STATUS_URI = "https://issuer.example/status/1"

_salts = count()


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def issue(
    holder: PublicKey,
    vct: str,
    claims: JsonObject | None = None,
    disclosable: Collection[ClaimPath] | None = None,
    **about: Any,
) -> str:
    """A credential, by default the example of its type as our issuer makes it; None takes a member away."""
    known = TYPES.get(vct)
    facts = dict(known.example) if claims is None and known is not None else claims or {}
    if disclosable is None:
        disclosable = disclosable_paths(known.type_metadata, facts) if known else [(name,) for name in facts]
    payload: JsonObject = {
        "iss": DID,
        "vct": vct,
        "iat": seconds(NOW - timedelta(hours=1)),
        "exp": seconds(NOW + timedelta(days=30)),
        "cnf": {"jwk": encode_jwk(holder)},
    }
    payload = {name: value for name, value in (payload | about).items() if value is not None}
    sd_jwt = issue_sd_jwt_vc(
        {**payload, **facts},
        disclosable=disclosable,
        key=KEY,
        key_id=KEY_ID,
        salts=lambda: f"{next(_salts):022d}",
    )
    return sd_jwt.encoded_without_key_binding


def with_held(
    content: WalletContent,
    vct: str = DEGREE,
    *,
    id: str = "degree-1",
    copies: int = 2,
    standing: Standing | None = VALID,
    key_type: HolderKeyType = HolderKeyType.ED25519,
    indices: Collection[int] = (),
    **issued: Any,
) -> WalletContent:
    """With a credential in so many copies; `indices` are their places in a status list, if they have one."""
    first = content.next_key_index
    content = content.with_keys_reserved(copies)
    made = []
    for number in range(copies):
        key = HolderKey(key_type, first + number)
        if indices:
            place: JsonObject = {"idx": list(indices)[number], "uri": STATUS_URI}
            issued["status"] = {"status_list": place}
        public = content.signing_key(key).public_key
        made.append(CredentialCopy(credential=issue(public, vct, **issued), key=key))
    return content.with_credential(
        HeldCredential(
            id=id,
            issuer=DID,
            credential_type=vct,
            credential_issuer="https://issuer.example",
            received_at=NOW,
            copies=tuple(made),
            standing=standing,
        )
    )


def with_all_used(content: WalletContent, credential_id: str = "degree-1") -> WalletContent:
    """With every copy of a credential presented, one a day."""
    for number, copy in enumerate(content.credential(credential_id).copies):
        moment = NOW + timedelta(days=number)
        content = content.with_copy_used(credential_id, copy.key, now=moment)
    return content


def standing(word: StandingWord) -> Standing:
    return replace(VALID, word=word)

"""What a dishonest holder, or somebody between holder and verifier, would send.

It uses Ada's own wallet as a library, so that nothing but the one dishonest step is wrong.
"""

import json
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from demo.world import World
from doors.clock import now
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedgers, fetch_trusted_ledger
from protocol.codes import Code, find_code
from protocol.encoding.members import text_member
from protocol.openid4vp.request_object import VerifiedRequest
from protocol.openid4vp.response import encode_response
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from storage.passphrase import Passphrase
from wallet.consent import Consent, prepare_consent
from wallet.outside import Outside
from wallet.present import open_request
from wallet.presentation import create_presentation
from wallet.vault import Vault

_OTHER_VERIFIER = "decentralized_identifier:did:web:other-verifier.example"


class Cheat:
    """Has Ada's wallet open, and answers requests of the employer. A context manager."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stack = ExitStack()

    def __enter__(self) -> "Cheat":
        fetcher = self._stack.enter_context(Fetcher(FetchRules(development=True)))
        ledger = fetch_trusted_ledger(self._world.ledger_url, fetcher=fetcher)
        resolver = LedgerResolver(
            TrustedLedgers((ledger,), development=True),
            fetcher=fetcher,
            memory=CheckpointMemory(self._world.ada.home / "cheat"),
            clock=now,
        )
        self._outside = Outside(
            fetcher,
            resolver.resolve,
            now,
            development=True,
            prove_issuer=resolver.prove_issuer,
            read_type_records=resolver.read_type_records,
        )
        self._vault = self._stack.enter_context(
            Vault.open(
                self._world.ada_vault,
                Passphrase(self._world.ada.passphrase),
                mark_folder=self._world.ada_marks,
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def present(self) -> Code | None:
        """Present honestly."""
        request, request_id = self._ask()
        self._post(request, self._presentation(request))
        return self._verdict(request_id)

    def replay(self) -> Code | None:
        """Present, and send the same again."""
        request, _ = self._ask()
        presentation = self._presentation(request)
        self._post(request, presentation)
        answer = self._post(request, presentation)
        return _code_in(answer)

    def flip_a_bit(self) -> Code | None:
        """Change one bit of the issuer's signature, and bind the result to the request as if nothing were."""
        request, request_id = self._ask()
        consent = self._consent(request)
        copy = consent.items[0].copy
        forged = replace(copy, credential=_with_flipped_bit(copy.credential))
        item = replace(consent.items[0], copy=forged)
        self._post(request, self._presentation(request, replace(consent, items=(item,))))
        return self._verdict(request_id)

    def add_a_disclosure(self) -> Code | None:
        """Slip a disclosure of the same credential in after the holder signed."""
        request, request_id = self._ask()
        consent = self._consent(request)
        whole = parse_sd_jwt(consent.items[0].copy.credential)
        shown = parse_sd_jwt(self._presentation(request, consent))
        other = next(each for each in whole.disclosures if each not in shown.disclosures)
        forged = SdJwt(shown.issuer_jwt, (*shown.disclosures, other), shown.key_binding_jwt)
        self._post(request, forged.encoded)
        return self._verdict(request_id)

    def pass_on(self) -> Code | None:
        """Hand a presentation that was made for another verifier to this one."""
        request, request_id = self._ask()
        self._post(request, self._presentation(request, audience=_OTHER_VERIFIER))
        return self._verdict(request_id)

    def _ask(self) -> tuple[VerifiedRequest, str]:
        asked = self._world.ask()
        return open_request(self._vault, text_member(asked, "request"), outside=self._outside), text_member(
            asked, "id"
        )

    def _consent(self, request: VerifiedRequest) -> Consent:
        return prepare_consent(self._vault.content, request, now=now())

    def _presentation(
        self, request: VerifiedRequest, consent: Consent | None = None, *, audience: str | None = None
    ) -> str:
        item = (consent or self._consent(request)).items[0]
        return create_presentation(
            item,
            key=self._vault.content.signing_key(item.copy.key),
            nonce=request.request.nonce,
            audience=audience or request.audience,
            algorithms=request.request.key_binding_algorithms,
            now=now(),
        )

    def _post(self, request: VerifiedRequest, presentation: str) -> Fetched:
        reply_to = request.request.reply_to
        query_id = request.request.query.credentials[0].id
        body = encode_response({query_id: [presentation]}, state=reply_to.state)
        return self._outside.post_form(reply_to.response_uri, body)

    def _verdict(self, request_id: str) -> Code | None:
        result = self._world.employer.tally("verifier", "result", request_id)
        error = result.get("error")
        return find_code(text_member(error, "code")) if isinstance(error, dict) else None


def _with_flipped_bit(credential: str) -> str:
    issuer_jwt, tilde, rest = credential.partition("~")
    signed, dot, signature = issuer_jwt.rpartition(".")
    flipped = "B" if signature[0] == "A" else "A"
    return f"{signed}{dot}{flipped}{signature[1:]}{tilde}{rest}"


def _code_in(answer: Fetched) -> Code | None:
    """The code of a refusal; the description of an OAuth error begins with the code's meaning."""
    description = json.loads(answer.body).get("error_description", "")
    return next((code for code in Code if description.startswith(code.meaning)), None)

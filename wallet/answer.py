"""The form that answers a request: presentations, and what vouches for their issuers if that is asked for."""

from functools import partial

from protocol.openid4vp.response import MAX_RESPONSE_BYTES, encode_response
from protocol.openid4vp.stapled_evidence import StapledEvidence, encode_stapled_evidence
from wallet.consent import Consent
from wallet.content import WalletContent
from wallet.outside import Outside
from wallet.presentation import create_presentation
from wallet.stapling import staple_evidence


def create_answer(content: WalletContent, consent: Consent, *, outside: Outside) -> str:
    """The body of the answer that sends what `consent` says, of at most 512 KiB.

    Of the evidence first the status lists and then the last of the proofs stay out, where the answer would be
    longer.

    Raises:
        RefusedError: the verifier takes no key binding by a key of the kind that a copy is bound to.
    """
    request = consent.request.request
    # Before anything is signed: asking may take longer than a verifier lets a signature be old.
    evidence = staple_evidence(content, consent, outside=outside) if request.evidence_wanted else None
    vp_token = {
        item.query_id: [
            create_presentation(
                item,
                key=content.signing_key(item.copy.key),
                nonce=request.nonce,
                audience=consent.request.audience,
                algorithms=request.key_binding_algorithms,
                now=outside.clock(),
            )
        ]
        for item in consent.items
    }
    encode = partial(encode_response, vp_token, state=request.reply_to.state)
    if evidence is not None:
        counts = range(len(evidence.proofs), 0, -1)
        shorter = (StapledEvidence(evidence.proofs[:count], ()) for count in counts)
        for stapled in (evidence, *shorter):
            body = encode(evidence=encode_stapled_evidence(stapled))
            if len(body) <= MAX_RESPONSE_BYTES:
                return body
    return encode()

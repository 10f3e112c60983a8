"""Selective Disclosure for JSON Web Tokens (RFC 9901).

The issuer signs salted digests, the holder keeps the disclosures that match them, and a verifier sees only
those the holder chooses. `verify` is the heart: what is believed of what was sent.
"""

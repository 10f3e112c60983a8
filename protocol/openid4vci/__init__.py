"""OpenID for Verifiable Credential Issuance 1.0: the messages between an issuer and a wallet.

In the order they are sent: `offer` (the link or QR code), `metadata` (what the issuer can do), `token` (a
code for an access token), `proof` (the holder has the key), `credential` (the request, what is issued, and
what became of it), `issued` (whether it is what was asked for).
"""

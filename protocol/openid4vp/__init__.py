"""OpenID for Verifiable Presentations 1.0: the messages between a verifier and a wallet.

In the order they are sent: `invocation` (the link or QR code), `request` and `request_object` (who asks for
what), `response` (what is presented), and `vp_token` (how the verifier checks it).
"""

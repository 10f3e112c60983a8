"""did:webvh 1.0: DIDs with a verifiable history, published as a log of signed entries on the web.

Start reading at `history.verify_history`.
"""

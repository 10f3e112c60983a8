"""DCQL, the query language of OpenID4VP 1.0 (§6).

`query` reads it, the wallet answers by it (`selection`), the verifier checks the answer (`satisfaction`).
"""

"""The ledger: a witnessed transparency log that anchors issuers' DIDs, and the client side that reads it.

Roles import only the client side: `client`, `resolver`, `identity`, `institution_folder`, `remote`, `trust`,
`memory`, `fetch` and `status_list`.
"""

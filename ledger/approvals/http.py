"""Where resolvers of did:webvh look, and where institutions learn which witnesses there are.

GET  /approvers               the nodes' statements which witness of did:webvh each of them is
GET  /<name>/did.jsonl        the history of a DID, as far as its witnesses approve it
GET  /<name>/did-witness.json their proofs
"""

from collections.abc import Callable

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from doors.http import answers
from ledger.approvals.histories import ServedHistory, serve_history
from ledger.store import LedgerStore
from ledger.tile_file import PUBLIC
from protocol.codes import Code
from protocol.did.webvh.witness import encode_witness_file
from protocol.errors import RefusedError
from protocol.tlog.note import encode_vkey
from protocol.tlog.policy import LogPolicy


def add_approvers(app: FastAPI, store: LedgerStore, policy: LogPolicy) -> None:
    """Serve what the nodes of `policy` have stated."""

    @app.get(
        "/approvers",
        tags=["DIDs"],
        summary="Which witness of did:webvh each node is",
        **answers("The statements of the nodes, each signed by the node's cosigner."),
    )
    def get_approvers() -> JSONResponse:
        """Those of nodes that have made one. Believe them by the keys in your own policy."""
        known = store.approvals.approvers()
        statements = {
            witness.name: known[vkey].statement
            for witness in policy.witnesses
            if (vkey := encode_vkey(witness.key)) in known
        }
        listed = [{"node": node, "statement": statement} for node, statement in statements.items()]
        return JSONResponse({"approvers": listed}, headers=PUBLIC)


def add_histories(app: FastAPI, store: LedgerStore, *, published_size: Callable[[], int]) -> None:
    """Serve the DIDs that live on the ledger; behind all other paths, for these match many."""

    def history_of(name: str) -> ServedHistory:
        path = f"/{name}/did.jsonl"
        scid = store.find_paths([path]).get(path)
        if scid is None:
            raise RefusedError(Code.DID_NOT_FOUND)
        return serve_history(store, scid, tree_size=published_size())

    @app.get(
        "/{name}/did.jsonl",
        tags=["DIDs"],
        summary="The history of a DID (did:webvh)",
        **answers("One entry a line, the first one first.", media_type="text/jsonl"),
    )
    def get_history(name: str) -> Response:
        """As far as it is published, and approved by the witnesses that the DID names."""
        history = history_of(name)
        if not history.shown:
            detail = "its witnesses have not approved it yet" if history.leaves else ""
            raise RefusedError(Code.DID_NOT_FOUND, detail)
        return Response(history.lines, media_type="text/jsonl", headers=PUBLIC)

    @app.get(
        "/{name}/did-witness.json",
        tags=["DIDs"],
        summary="The proofs of the DID's witnesses (did:webvh)",
        **answers("The proofs that were collected from the nodes."),
    )
    def get_witness_proofs(name: str) -> Response:
        proofs = history_of(name).proofs
        if not proofs:
            raise RefusedError(Code.NOT_FOUND, "there are no proofs of witnesses for this DID")
        return Response(encode_witness_file(proofs), media_type="application/json", headers=PUBLIC)

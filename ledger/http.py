"""The ledger's HTTP door: the static files of C2SP tlog-tiles, the histories of DIDs, and one way to write.

GET  /checkpoint                    the signed and cosigned state of the log
GET  /tile/<L>/<N>[.p/<W>]          hashes; /tile/entries/<N>[.p/<W>] entries
GET  /index/checkpoint, /index/tile/…   the same of the index log
GET  /evidence?kind=did&name=<did>  all there is about a subject, and the proof that it is all: a .tally-proof
GET  /accredited?did=<did>&type=<vct>   who has accreditations; what they are worth, the evidence says
GET  /proof/<leaf hash, hex>        one entry's .tlog-proof
GET  /policy                        the tlog-policy that trusts this log
POST /entries                       log one did:webvh entry, with an onboarding token

Where DIDs are is in `ledger.approvals.http`, the trust registry's questions in `ledger.trust_registry.http`;
below /browse are the explorer's pages (`ledger.browse.http`).
"""

import asyncio
import re
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse

from doors.http import answers, bearer_key, create_app, raw_body, request_body
from ledger.accreditation_book import AccreditationBook
from ledger.accreditations import about, dids_of, of_type
from ledger.app import LedgerApp
from ledger.approvals.http import add_approvers, add_histories
from ledger.browse.explorer import Explorer
from ledger.browse.http import add_missing_page, add_pages
from ledger.tile_file import PUBLIC, tile_answer
from ledger.tree import Tree
from ledger.trust_registry.http import add_trust_registry
from ledger.trust_registry.registry import TrustRegistry
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.index.proof import encode_tally_proof
from protocol.index.subject import MAX_NAME_BYTES, Subject
from protocol.records import DidRecord
from protocol.tlog.policy import LogPolicy, parse_log_policy
from protocol.tlog.proof import create_log_proof, encode_log_proof
from storage.management_key import ManagementKey

MAX_ACCREDITED = 500
"""How many DIDs one answer names."""

_LEAF_HASH = re.compile(r"[0-9a-f]{64}")
_TEXT = "text/plain"


def create_ledger_app(ledger: LedgerApp) -> FastAPI:
    """The application that serves `ledger`."""
    app = create_app(
        title="Tallystick ledger",
        version="1",
        description="A transparency log of did:webvh entries (C2SP tlog-tiles).",
        health=ledger.health,
    )
    _add_log(app, ledger)
    _add_writing(app, ledger)
    book = AccreditationBook(ledger.store, ledger.published)
    _add_accredited(app, book)
    policy = parse_log_policy(ledger.policy)
    origin = policy.logs[0].key.name
    add_trust_registry(app, TrustRegistry(ledger.evidence, policy, origin, ledger.clock))
    add_pages(app, _explorer(ledger, policy, book), origin=origin)
    _add_evidence(app, ledger)
    add_approvers(app, ledger.store, policy)
    # Behind the others, because they would match their paths too.
    add_histories(app, ledger.store, published_size=lambda: ledger.front_end.published.log.tree_size)
    add_missing_page(app, origin=origin)
    return app


def _add_log(app: FastAPI, ledger: LedgerApp) -> None:
    @app.get(
        "/checkpoint",
        tags=["log"],
        summary="The signed state of the log",
        **answers("A signed note (C2SP tlog-checkpoint).", media_type=_TEXT),
    )
    def get_checkpoint() -> Response:
        return PlainTextResponse(ledger.published().log.note, headers=PUBLIC)

    @app.get(
        "/index/checkpoint",
        tags=["index"],
        summary="The signed state of the index log",
        **answers("A signed note (C2SP tlog-checkpoint).", media_type=_TEXT),
    )
    def get_index_checkpoint() -> Response:
        return PlainTextResponse(ledger.published().index.note, headers=PUBLIC)

    @app.get(
        "/policy",
        tags=["log"],
        summary="The tlog-policy that trusts this log",
        **answers("The policy (C2SP tlog-policy).", media_type=_TEXT),
    )
    def get_policy() -> Response:
        return PlainTextResponse(ledger.policy, headers=PUBLIC)

    @app.get(
        "/tile/{path:path}",
        tags=["log"],
        summary="Hashes or entries of the log (C2SP tlog-tiles)",
        **answers("The bytes of the tile.", media_type="application/octet-stream"),
    )
    def get_tile(path: str) -> Response:
        # What was signed, published or not: a node reads what it is asked to cosign.
        tree_size = ledger.front_end.signed_size(Tree.LOG)
        return tile_answer(ledger.store, f"tile/{path}", tree_size=tree_size)

    @app.get(
        "/index/tile/{path:path}",
        tags=["index"],
        summary="Hashes or entries of the index log (C2SP tlog-tiles)",
        **answers("The bytes of the tile.", media_type="application/octet-stream"),
    )
    def get_index_tile(path: str) -> Response:
        tree_size = ledger.front_end.signed_size(Tree.INDEX)
        return tile_answer(ledger.store.index, f"tile/{path}", tree_size=tree_size)

    @app.get(
        "/proof/{leaf_hash}",
        tags=["log"],
        summary="The tlog-proof of one entry",
        **answers("The proof (C2SP tlog-proof).", media_type=_TEXT),
    )
    def get_proof(leaf_hash: str) -> Response:
        index = ledger.store.find_leaf(bytes.fromhex(leaf_hash)) if _LEAF_HASH.fullmatch(leaf_hash) else None
        publication = ledger.published().log
        if index is None or index >= publication.tree_size:
            raise RefusedError(Code.NOT_FOUND, "the published log has no entry with this leaf hash")
        read_hashes = ledger.store.hash_reader(publication.tree_size)
        proof = create_log_proof(index, checkpoint=publication.note, read_hashes=read_hashes)
        return PlainTextResponse(encode_log_proof(proof), headers=PUBLIC)


def _add_writing(app: FastAPI, ledger: LedgerApp) -> None:
    writer = bearer_key(ledger.verify_token, name="OnboardingToken", code=Code.WRITER_NOT_AUTHORIZED)

    @app.post(
        "/entries",
        tags=["write"],
        summary="Log a record",
        openapi_extra=request_body(
            {"type": "object", "description": "A line of did.jsonl, or another record."}
        ),
        **answers("Where the entry stands."),
    )
    async def add_entry(
        _token: Annotated[ManagementKey, Depends(writer)],
        body: Annotated[bytes, Depends(raw_body("application/json"))],
    ) -> JSONResponse:
        """Answers when a published checkpoint covers it. Submitting it again gives the same answer."""
        record = await run_in_threadpool(ledger.admit, body)
        logged = await asyncio.wrap_future(ledger.front_end.submit(record))
        answer = {"index": logged.leaf_index, "leaf_hash": logged.leaf_hash.hex()}
        if isinstance(record, DidRecord):
            answer |= {"did": record.did.did, "version_id": record.entry.version_id}
        else:
            answer |= {"kind": record.subject.kind, "name": record.subject.name}
        return JSONResponse(answer)


def _add_accredited(app: FastAPI, book: AccreditationBook) -> None:
    @app.get(
        "/accredited",
        tags=["index"],
        summary="Who has accreditations, in the order of the alphabet",
        **answers("Their DIDs, and whether there are more."),
    )
    def get_accredited(
        did: Annotated[str, Query(max_length=MAX_NAME_BYTES)] = "",
        vct: Annotated[str, Query(alias="type", max_length=MAX_NAME_BYTES)] = "",
        after: Annotated[str, Query(max_length=MAX_NAME_BYTES)] = "",
    ) -> JSONResponse:
        """With `did`, those whose accreditation it has, gave, or stands above; with `after`, those behind it.

        This is no more than the ledger's word: the evidence of each DID says what it has.
        """
        trees = book.trees()
        trees = about(trees, did) if did else trees
        dids = [each for each in dids_of(of_type(trees, vct) if vct else trees) if each > after]
        more = len(dids) > MAX_ACCREDITED
        return JSONResponse({"dids": dids[:MAX_ACCREDITED], "more": more}, headers=PUBLIC)


def _explorer(ledger: LedgerApp, policy: LogPolicy, book: AccreditationBook) -> Explorer:
    return Explorer(
        ledger.store,
        book=book,
        published=ledger.published,
        nodes=ledger.front_end.node_states,
        policy=policy,
        clock=ledger.clock,
    )


def _add_evidence(app: FastAPI, ledger: LedgerApp) -> None:
    @app.get(
        "/evidence",
        tags=["index"],
        summary="All there is about a subject, with the proof that it is all",
        **answers("A tally proof.", media_type=_TEXT),
    )
    def get_evidence(
        name: Annotated[str, Query(max_length=MAX_NAME_BYTES)], kind: Annotated[str, Query()] = "did"
    ) -> Response:
        """Also where there is nothing: then the proof is that there is nothing."""
        return PlainTextResponse(encode_tally_proof(ledger.evidence(Subject(kind, name))), headers=PUBLIC)

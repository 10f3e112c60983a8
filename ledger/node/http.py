"""The HTTP door of a node: where the log asks for cosignatures, and where everybody sees what it got.

POST /add-checkpoint               the log asks for a cosignature (C2SP tlog-witness)
GET  /<hash>/checkpoint            what was cosigned last of a log, for whoever monitors it
GET  /<hash>/tile/<L>/<N>[.p/<W>]  the node's own copy of the log: hashes, and tile/entries/… entries
GET  /policy-line                  the line of a tlog-policy that names this node
GET  /approver                     which witness of did:webvh this node is, signed by its cosigner
GET  /<hash>/approvals?after=<n>   what it has approved of the DIDs that name that witness

<hash> is the SHA-256 of the log's origin in hex.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from doors.http import answers, create_app, raw_body, request_body
from doors.problem import problem
from ledger.approvals.page import encode_approvals
from ledger.node.approvals import NodeApprovals
from ledger.node.last_cosigned import CosignedNote
from ledger.node.witness import Cosigned, LogWitness, OldSizeDiffers, read_origin
from ledger.stored_tree import StoredTree
from ledger.tile_file import PUBLIC, tile_answer
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import (
    MalformedError,
    RefusedError,
    TallyError,
    UnavailableError,
    VerificationError,
)
from protocol.tlog.lines import MAX_DECIMAL
from protocol.tlog.note import parse_note
from protocol.tlog.witness import MAX_REQUEST_BYTES, hash_origin, parse_add_checkpoint

_TEXT = "text/plain"
_SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class NodeApprover:
    """The did:webvh witness that the node is beside its cosigner.

    Attributes:
        statement: Its cosigner's word for the key (`protocol.tlog.node_approver`).
        origin_hash: The log whose DIDs it approves.
        approvals: What it has approved.
        look_soon: Lets it look what is published.
    """

    statement: str
    origin_hash: str
    approvals: NodeApprovals
    look_soon: Callable[[], None]


@dataclass(frozen=True, slots=True)
class NodeApp:
    """What the endpoints work with.

    Attributes:
        witnesses: Who cosigns which log, by the hash of its origin.
        copies: The trees the node holds copies of, by the hash of the origin.
        policy_line: The line that names this node.
        trouble: Why a log cannot be followed at present.
        approver: What approves entries of DIDs; None if the node was made without.
    """

    witnesses: Mapping[str, LogWitness]
    copies: Mapping[str, StoredTree]
    policy_line: str
    trouble: Callable[[], TallyError | None]
    approver: NodeApprover | None = None

    def add_checkpoint(self, body: bytes) -> Cosigned | OldSizeDiffers:
        """Answer a request to cosign.

        Raises:
            MalformedError, VerificationError, RefusedError, UnavailableError: as `LogWitness.add_checkpoint`.
        """
        request = parse_add_checkpoint(body)
        witness = self.witnesses.get(hash_origin(read_origin(parse_note(request.checkpoint))))
        if witness is None:
            raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "this node does not cosign that log")
        return witness.add_checkpoint(request)

    def cosigned(self, origin_hash: str) -> CosignedNote:
        """What was cosigned last of a log.

        Raises:
            RefusedError: NOT_FOUND, nothing yet, or another log.
            UnavailableError: the database cannot be read, or is older than what was cosigned.
        """
        witness = self.witnesses.get(origin_hash)
        if witness is None or (note := witness.last_note()) is None:
            raise RefusedError(Code.NOT_FOUND, "this node has cosigned no such log")
        return note

    def require_approver(self, origin_hash: str | None = None) -> NodeApprover:
        """The witness of did:webvh that the node is, for the log with this hash.

        Raises:
            RefusedError: NOT_FOUND, it is none.
        """
        if self.approver is None or origin_hash not in (None, self.approver.origin_hash):
            raise RefusedError(Code.NOT_FOUND, "this node approves no entries of DIDs")
        return self.approver

    def health(self) -> JsonObject:
        """How far the copies reach.

        Raises:
            UnavailableError: a log cannot be followed, or the database cannot be read.
        """
        if (trouble := self.trouble()) is not None:
            raise UnavailableError(trouble.code, trouble.detail)
        return {"copied": {origin_hash: tree.head().tree_size for origin_hash, tree in self.copies.items()}}


def create_node_app(node: NodeApp) -> FastAPI:
    """The application that serves `node`."""
    app = create_app(
        title="Tallystick ledger node",
        version="1",
        description="An independent cosigner of a transparency log (C2SP tlog-witness), with a copy of it.",
        health=node.health,
        max_body_bytes=MAX_REQUEST_BYTES,
    )
    _add_cosigning(app, node)
    _add_looking(app, node)
    return app


def _add_cosigning(app: FastAPI, node: NodeApp) -> None:
    @app.post(
        "/add-checkpoint",
        tags=["log"],
        summary="Cosign a checkpoint (C2SP tlog-witness)",
        openapi_extra=request_body(
            {"type": "string", "description": "old size, proof, checkpoint"}, media_type=_TEXT
        ),
        **answers("The cosignature, as a line of a signed note.", media_type=_TEXT),
    )
    def add_checkpoint(
        body: Annotated[bytes, Depends(raw_body(None, max_bytes=MAX_REQUEST_BYTES))],
    ) -> Response:
        """409 with a size: start from there. 503: ask again. Whatever else is refused says why."""
        try:
            answer = node.add_checkpoint(body)
        except TallyError as error:
            return problem(error, status=_status(error))
        if isinstance(answer, OldSizeDiffers):
            # A media type with parameters would be another one to who compares it.
            return Response(f"{answer.recorded_size}\n", HTTPStatus.CONFLICT, {"Content-Type": _SIZE})
        return PlainTextResponse(answer.line)


def _add_looking(app: FastAPI, node: NodeApp) -> None:
    @app.get(
        "/policy-line",
        tags=["node"],
        summary="The line of a tlog-policy that names this node",
        **answers("The line (C2SP tlog-policy).", media_type=_TEXT),
    )
    def get_policy_line() -> Response:
        return PlainTextResponse(f"{node.policy_line}\n", headers=PUBLIC)

    @app.get(
        "/approver",
        tags=["node"],
        summary="Which witness of did:webvh this node is",
        **answers("A signed note.", media_type=_TEXT),
    )
    def get_approver() -> Response:
        return PlainTextResponse(node.require_approver().statement, headers=PUBLIC)

    @app.get(
        "/{origin_hash}/approvals",
        tags=["node"],
        summary="What it has approved of the DIDs that name it as a witness",
        **answers("The latest proof for each DID, in the order of the log."),
    )
    def get_approvals(
        origin_hash: str, after: Annotated[int, Query(ge=0, le=MAX_DECIMAL)] = 0
    ) -> JSONResponse:
        """Those of entries from the index `after` on, at most 256. It looks what is published soon after."""
        approver = node.require_approver(origin_hash)
        approver.look_soon()
        return JSONResponse(encode_approvals(approver.approvals.page(after)), headers=PUBLIC)

    @app.get(
        "/{origin_hash}/checkpoint",
        tags=["log"],
        summary="The checkpoint that was cosigned last",
        **answers("A signed note (C2SP tlog-checkpoint).", media_type=_TEXT),
    )
    def get_checkpoint(origin_hash: str) -> Response:
        return PlainTextResponse(node.cosigned(origin_hash).note, headers=PUBLIC)

    @app.get(
        "/{origin_hash}/tile/{path:path}",
        tags=["log"],
        summary="Hashes or entries of the copy (C2SP tlog-tiles)",
        **answers("The bytes of the tile.", media_type="application/octet-stream"),
    )
    def get_tile(origin_hash: str, path: str) -> Response:
        tree = node.copies.get(origin_hash)
        if tree is None:
            raise RefusedError(Code.NOT_FOUND, "this node has no copy of such a log")
        return tile_answer(tree, f"tile/{path}", tree_size=tree.head().tree_size)


def _status(error: TallyError) -> int:
    """The HTTP status in which C2SP tlog-witness says `error`."""
    match error:
        case MalformedError():
            return HTTPStatus.BAD_REQUEST
        case VerificationError(code=Code.LOG_ORIGIN_MISMATCH):
            return HTTPStatus.NOT_FOUND
        case VerificationError(code=Code.LOG_SIGNATURE_INVALID):
            return HTTPStatus.FORBIDDEN
        case VerificationError():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case UnavailableError() | RefusedError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR

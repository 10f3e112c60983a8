"""The HTTP door of the trust registry: the two questions of ToIP TRQP v2.

POST /authorization     may this entity do that, says this authority?
POST /recognition       may this entity say who does that, says this authority?
"""

from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

from doors.http import answers, raw_body, request_body
from ledger.tile_file import PUBLIC
from ledger.trust_registry.registry import MAX_QUERY_BYTES, Question, TrustRegistry, parse_trust_query
from protocol.encoding.strict_json import JsonObject

_TEXT: JsonObject = {"type": "string"}
_QUERY: JsonObject = {
    "type": "object",
    "required": ["entity_id", "authority_id", "action", "resource"],
    "properties": {
        "entity_id": _TEXT,
        "authority_id": _TEXT,
        "action": _TEXT,
        "resource": _TEXT,
        "context": {
            "type": "object",
            "properties": {"time": {"type": "string", "format": "date-time"}},
            "additionalProperties": _TEXT,
        },
    },
}


def add_trust_registry(app: FastAPI, registry: TrustRegistry) -> None:
    """Add the two questions to `app`."""
    body = raw_body("application/json", max_bytes=MAX_QUERY_BYTES)

    @app.post(
        "/authorization",
        tags=["trust registry"],
        summary="Whether an authority has accredited an entity for an action (ToIP TRQP v2)",
        openapi_extra=request_body(_QUERY),
        **answers("The answer, and the proofs that it follows from."),
    )
    def ask_authorization(query: Annotated[bytes, Depends(body)]) -> JSONResponse:
        return _answer(Question.AUTHORIZED, query)

    @app.post(
        "/recognition",
        tags=["trust registry"],
        summary="Whether an authority lets an entity accredit others for an action (ToIP TRQP v2)",
        openapi_extra=request_body(_QUERY),
        **answers("The answer, and the proofs that it follows from."),
    )
    def ask_recognition(query: Annotated[bytes, Depends(body)]) -> JSONResponse:
        return _answer(Question.RECOGNIZED, query)

    def _answer(question: Question, query: bytes) -> JSONResponse:
        return JSONResponse(registry.answer(question, parse_trust_query(query)), headers=PUBLIC)

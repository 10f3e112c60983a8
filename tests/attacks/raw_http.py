"""HTTP as bytes on a socket, so that a request can be wrong in every way."""

import json
import socket

from protocol.codes import Code, find_code

HOST = b"Host: service.localhost\r\n"


def exchange(port: int, request: bytes) -> bytes:
    """Everything the server answers to `request` until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := receive(connection):
            answer += chunk
    return answer


def receive(connection: socket.socket) -> bytes:
    """What has come; nothing when the server has hung up."""
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def code(answer: bytes) -> Code | None:
    """The code of the problem in an answer; None for whatever else it is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"content-type: application/problem+json\r\n" not in head.lower() + b"\r\n":
        return None
    return find_code(json.loads(body)["code"])


def get(path: str, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in (*headers, "Connection: close"))
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + f"{lines}\r\n".encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = "".join(
        f"{header}\r\n"
        for header in (
            *headers,
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
    )
    return f"POST {path} HTTP/1.1\r\n".encode() + HOST + f"{lines}\r\n".encode() + body

"""A loopback server of Google Vision and Text-to-Speech by gRPC: the same replies as over HTTP, as protobuf.

gRPC is HTTP/2 with a framing of its own, which the server of raw sockets does not speak. So this one stands on the
server of the package ``grpc``, and only a connection that breaks off stands on ours.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.made_up.server import accepting

__all__ = ["Grpcd", "cutting", "grpcd"]

METHODS = {
    "/google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages": "vision_v1:BatchAnnotateImagesResponse",
    "/google.cloud.texttospeech.v1.TextToSpeech/SynthesizeSpeech": "texttospeech_v1:SynthesizeSpeechResponse",
    "/google.cloud.texttospeech.v1.TextToSpeech/ListVoices": "texttospeech_v1:ListVoicesResponse",
}
"""The message of the reply of each method, by its package below ``google.cloud``; few tests need more than one."""
assert error_details_pb2  # known to the pool, so that details can be read from JSON


@dataclass
class Grpcd:
    """The answer of a server, as JSON, and the requests that it was sent."""

    reply: Any
    delay: float = 0.0
    requests: list[bytes] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def count(self) -> int:
        """The number of requests."""
        return len(self.requests)

    def answer(self, kind: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer one call with a message of this kind."""
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        time.sleep(self.delay)
        if "error" in self.reply:
            context.abort_with_status(rpc_status.to_status(status_of(self.reply["error"])))
        package, _, name = kind.partition(":")
        message = json_format.ParseDict(self.reply, getattr(import_module(f"google.cloud.{package}"), name).pb()())
        return bytes(message.SerializeToString())


def status_of(error: dict[str, Any]) -> status_pb2.Status:
    """Return the error of a REST reply of Google's as gRPC has it."""
    code = grpc.StatusCode[error["status"]].value[0]
    return json_format.ParseDict(
        {"code": code, "message": error["message"], "details": error.get("details", [])}, status_pb2.Status()
    )


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, answer: Callable[[str, bytes, Any], bytes]) -> None:
        self._answer = answer

    def service(self, details: Any) -> Any:
        kind = METHODS.get(details.method)
        return grpc.unary_unary_rpc_method_handler(partial(self._answer, kind)) if kind else None


@contextmanager
def grpcd(reply: Any, *, delay: float = 0.0, tls: Any = None) -> Iterator[Grpcd]:
    """Yield a server for one test."""
    server, state = grpc.server(ThreadPoolExecutor(4)), Grpcd(reply, delay)
    server.add_generic_rpc_handlers((_Handler(state.answer),))
    add = server.add_insecure_port if tls is None else lambda place: server.add_secure_port(place, tls)
    state.port = add("127.0.0.1:0")
    server.start()
    try:
        yield state
    finally:
        server.stop(None).wait()


WHOLE = 2000
"""Bytes by which the test's picture has come, and with it the call."""
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@contextmanager
def cutting() -> Iterator[Grpcd]:
    """Yield a server that speaks HTTP/2 until a call has come, and then breaks off."""
    state = Grpcd({})
    listening = socket.create_server(("127.0.0.1", 0))
    state.port = listening.getsockname()[1]

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            connection.sendall(SETTINGS)
            seen = b""
            while len(seen) < WHOLE and (more := connection.recv(65536)):
                seen += more
            if len(seen) >= WHOLE:
                state.requests.append(seen)

    with accepting(listening, serve):
        yield state

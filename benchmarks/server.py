"""A server on the loopback that answers the vendors' requests at once, or after some milliseconds, from memory.

    python -m benchmarks.server FOLDER [grpc]

It prints one line of JSON with the addresses: ``http``, ``https`` and ``grpc``. Its certificate and that of its CA are
written to the folder. A path that begins with ``/after/250`` is answered 250 ms later. Before
that may stand ``/empty``: Google then finds nothing in any picture.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from concurrent import futures
from pathlib import Path

from benchmarks.replies import REPLIES

ANNOTATE = "/v1/images:annotate"


class Connection(asyncio.Protocol):
    """One connection. A request has a body with a stated length, or one in chunks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.head, self.pieces, self.missing = bytearray(), [b""], 0
        self.path, self.chunked, self.in_body = "", False, False

    def data_received(self, data: bytes) -> None:
        """Take in some bytes, and answer where the request is whole."""
        if not self.in_body:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = bytes(self.head[end + 4 :])
            self._begin(bytes(self.head[:end]))
        self.pieces.append(data)
        self.missing -= len(data)
        # The five bytes that end a body in chunks, as Microsoft's package for Image Analysis 3.2 sends it, may come in
        # two pieces.
        last = b"".join(self.pieces[-2:])[-5:]
        if last == b"0\r\n\r\n" if self.chunked else self.missing <= 0:
            self._answer()

    def _begin(self, head: bytes) -> None:
        lower = head.lower()
        self.path = head.split(b" ", 2)[1].partition(b"?")[0].decode()
        self.chunked = b"transfer-encoding: chunked" in lower
        length = lower.partition(b"content-length:")[2].partition(b"\r\n")[0]
        self.missing, self.in_body, self.pieces = int(length or 0), True, []
        if b"expect: 100-continue" in lower:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self) -> None:
        path, seconds, empty = self.path, 0.0, self.path.startswith("/empty/")
        path = path.removeprefix("/empty")
        if path.startswith("/after/"):
            _, _, milliseconds, rest = path.split("/", 3)
            path, seconds = f"/{rest}", int(milliseconds) / 1000
        body = REPLIES.get(path, b"{}")
        # A joined request gets an answer for each picture. The word cannot occur in a picture, because base64 has no
        # quotes.
        pictures = b"".join(self.pieces).count(b'"content"') if path == ANNOTATE else 1
        if pictures > 1 or empty:
            each = ([{}] if empty else json.loads(body)["responses"]) * pictures
            body = json.dumps({"responses": each}, indent=2).encode()
        head = (
            f"HTTP/1.1 {200 if path in REPLIES else 404} \r\nContent-Type: application/json; charset=UTF-8\r\n"
            f"Server: benchmark\r\nX-Request-Id: 00000000\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        self.head, self.pieces, self.in_body = bytearray(), [b""], False
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self.transport.write, head + body)
        else:
            self.transport.write(head + body)


def tls_context(folder: Path) -> ssl.SSLContext:
    """Return the context of the server, and write the certificate of its CA to ``ca.pem`` in the folder."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def serve_grpc() -> str:
    """Start a server that answers Vision's gRPC calls, and return its address."""
    import grpc
    from google.cloud import vision
    from google.protobuf import json_format

    kind = vision.BatchAnnotateImagesResponse
    reply = json_format.Parse(REPLIES[ANNOTATE], kind.pb(kind()), ignore_unknown_fields=True).SerializeToString()

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, _: object) -> object:
            return grpc.unary_unary_rpc_method_handler(lambda _, __: reply)

    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    serve_grpc.server = server  # type: ignore[attr-defined]  # it stops when it is collected
    return f"127.0.0.1:{port}"


async def serve(folder: Path, *, grpc: bool) -> None:
    """Print the addresses, and serve for ever."""
    loop = asyncio.get_running_loop()
    # The subjects with 128 calls in flight connect all at once, and asyncio's own backlog is 100.
    plain = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    safe = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024, ssl=tls_context(folder))
    ports = [server.sockets[0].getsockname()[1] for server in (plain, safe)]
    addresses = {
        "http": f"http://127.0.0.1:{ports[0]}",
        "https": f"https://127.0.0.1:{ports[1]}",
        "grpc": serve_grpc() if grpc else "",
    }
    print(json.dumps({**addresses, "ca": str(folder / "ca.pem")}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), grpc="grpc" in sys.argv[2:]))

"""Whoever does not know the secret is refused by a keeper, and the run of those who do goes on."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError, SettingsError, share
from cloudai.batch.journal import Journal
from cloudai.batch.shared.frames import Channel, FrameError, Splitter, proof, raw
from cloudai.batch.shared.keeper import Keeper
from cloudai.batch.shared.remote import RemoteJournal
from cloudai.batch.shared.wire import dumped
from cloudai.core.flow import Request, Response
from tests.made_up.provider import MadeUp, ok
from tests.made_up.runs import texts_of

pytestmark = [pytest.mark.loopback, pytest.mark.enable_socket]

SECRET = "a secret of this test"


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """Yield a keeper on the loopback whose workers come from this process."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", SECRET)
    with share(tmp_path / "일지.journal", listen="127.0.0.1:0", grace=0.2) as keeper:
        yield keeper


def answer(request: Request) -> Response:
    """Answer with a good mood."""
    return ok({"score": 0.5})


def works(keeper: Keeper, n: int = 4) -> bool:
    """Return whether a run with this keeper comes to its end."""
    with (
        Client(MadeUp(key="k"), send=answer) as client,
        client.batch("sentiment", texts_of(n), journal=keeper.address) as job,
    ):
        return sorted(outcome.item for outcome in job if outcome.result) == list(range(n))


def dial(keeper: Keeper) -> socket.socket:
    """Connect to the keeper, as anybody may."""
    host, _, port = keeper.address.removeprefix("keeper://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def read(connection: socket.socket) -> bytes:
    """Read one frame."""
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL) if len(head) == 4 else b""


def is_closed(connection: socket.socket) -> bool:
    """Return True as soon as the keeper has ended the connection, whatever it has said before."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def hello(nonce: str, secret: str = SECRET, session: str = "ab" * 16, **others: Any) -> bytes:
    """Return the first message of a worker."""
    ours = "cd" * 16
    mac = proof(secret.encode(), "worker", nonce, ours, session).hex()
    return raw({"session": session, "nonce": ours, "mac": mac, "protocol": 1, **others})


CHANCE = random.Random(31)  # noqa: S311  # the same each time
GARBAGE = {
    "nothing": b"",
    "a web request": b"GET / HTTP/1.1\r\nHost: keeper\r\n\r\n",
    "random bytes": CHANCE.randbytes(4096),
    "half a frame": struct.pack(">I", 100) + b"{",
    "a frame of four gigabytes": b"\xff\xff\xff\xff" + b"x" * 100,
    "no JSON": struct.pack(">I", 3) + b"{{{",
    "nested too deep": struct.pack(">I", 1000) + b"[" * 1000,
    "no object": raw([1, 2, 3]),
    "another kind of thing": raw({"session": {"a": 1}, "nonce": None, "mac": 5}),
    "a pickle": struct.pack(">I", 40) + b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94" + b"\x00" * 22,
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage(what: str, keeper: Keeper, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no challenge end the connection, are never shown, and stop nobody else."""
    with closing(dial(keeper)) as connection:
        connection.sendall(GARBAGE[what])
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    assert works(keeper)
    assert "Traceback" not in caplog.text


def test_wrong_secret(keeper: Keeper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with another secret is told so at once, and the secret is in no message."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "another secret of this test")
    with pytest.raises(SettingsError, match="another secret") as error:
        RemoteJournal(keeper.address)
    assert "of this test" not in f"{error.value}{caplog.text}"
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", SECRET)
    assert works(keeper)


def test_a_recorded_challenge(keeper: Keeper) -> None:
    """Who sends what a worker has sent before, byte by byte, is refused: the keeper's random number is another one."""
    with closing(dial(keeper)) as connection:
        recorded = hello(json.loads(read(connection))["nonce"])
        connection.sendall(recorded)
        assert read(connection)
    with closing(dial(keeper)) as connection:
        read(connection)
        connection.sendall(recorded)
        assert json.loads(read(connection)) == {"refused": "secret"}
        assert is_closed(connection)
    assert works(keeper)


@pytest.mark.parametrize("how", ["twice", "forged", "out of order", "too long"])
def test_frames_that_are_not_the_next_one(how: str, keeper: Keeper) -> None:
    """A frame that is sent twice, altered, out of order or too long ends the connection, and writes nothing."""
    with closing(dial(keeper)) as connection:
        nonce, session = json.loads(read(connection))["nonce"], "ef" * 16
        connection.sendall(hello(nonce, session=session))
        keys = [proof(SECRET.encode(), whose, nonce, "cd" * 16, session) for whose in ("to keeper", "from keeper")]
        channel = Channel(*keys)
        assert "journal" in json.loads(channel.open(read(connection)))
        frames = [channel.seal(dumped([[n, "do", "intend", [7, "1", 1], {}]])) for n in (1, 2)]
        altered = frames[1][:-1] + bytes([frames[1][-1] ^ 1])
        connection.sendall(
            {
                "twice": frames[0] + frames[0],
                "forged": frames[0] + altered,
                "out of order": frames[1],
                "too long": frames[0] + struct.pack(">I", 2**31),
            }[how]
        )
        assert is_closed(connection)
    assert works(keeper)
    keeper.close()
    assert _sent(keeper) == (0 if how == "out of order" else 1)


def _sent(keeper: Keeper) -> int:
    journal = Journal(keeper._journal.path)
    rows = journal.read(lambda db: list(db.execute("SELECT sent FROM exchanges WHERE call = 7")))
    journal.close()
    return rows[0][0] if rows else 0


@pytest.mark.parametrize(
    "message",
    [
        "no list",
        [7],
        [["1", "do"]],
        [[1]],
        [[1, "do"]],
        [[1, "do", "execute", ["DROP TABLE calls"], {}]],
        [[1, "do", "settle", [1, 1, 1, "done"], {"state = 'failed' --": "x"}]],
        [[1, "do", "finish", [1, {"$": "os.system", "of": ["true"]}], {}]],
        [[1, "do", "intend", [1, "1", {"an": "object"}], {}]],
        [[1, "do", "intend", [10**30, "1", 1], {}]],
        [[1, "do", "look_up_each", [1, 1, 1], {}]],
        [[1, "claim"]],
        [[1, "turn"]],
        [[1, "use", "", "x"]],
        [[1, "no such thing"]],
        [[1, "spooled", [["a", 1]]]],
    ],
    ids=str,
)
def test_messages_that_no_worker_sends(message: Any, keeper: Keeper, caplog: pytest.LogCaptureFixture) -> None:
    """Even one who knows the secret reaches only the statements of a batch, and stops nobody by what it sends."""
    with closing(dial(keeper)) as connection:
        nonce, session = json.loads(read(connection))["nonce"], "01" * 16
        connection.sendall(hello(nonce, session=session))
        keys = [proof(SECRET.encode(), whose, nonce, "cd" * 16, session) for whose in ("to keeper", "from keeper")]
        channel = Channel(*keys)
        channel.open(read(connection))
        connection.sendall(channel.seal(json.dumps(message).encode()))
        frame = read(connection)
        if frame:
            [[number, value, error]] = json.loads(channel.open(frame))
            assert (number, value) == (1, None)
            assert json.loads(error)["type"] == "JournalError"
        assert works(keeper)
    assert "Traceback" not in caplog.text


def test_strangers_do_not_fill_the_keeper(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many silent connections the first ones end, so that a worker still gets in."""
    monkeypatch.setattr("cloudai.batch.shared.keeper.MOST_STRANGERS", 8)
    silent = [dial(keeper) for _ in range(12)]
    assert works(keeper)
    assert is_closed(silent[0])
    for connection in silent:
        connection.close()


def test_a_stranger_that_is_silent(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not answer the challenge in time ends."""
    monkeypatch.setattr("cloudai.batch.shared.peer.HANDSHAKE", 0.05)
    with closing(dial(keeper)) as connection:
        assert is_closed(connection)


def test_a_false_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes nothing from a keeper that does not know the secret."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", SECRET)
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"keeper://127.0.0.1:{listening.getsockname()[1]}"

    def pretend() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(raw({"cloudai": "keeper", "protocol": 1, "nonce": "00" * 16}))
                    read(connection)
                    connection.sendall(raw({"journal": "x", "rates": []}))
                    is_closed(connection)

    threading.Thread(target=pretend, daemon=True).start()
    with pytest.raises(JournalError, match="has not answered"):
        RemoteJournal(address, patience=0.3)
    listening.close()


@pytest.mark.parametrize("given", [None, "", "short"])
def test_no_secret(given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper without a secret does not begin, and the error says how to make one."""
    monkeypatch.delenv("CLOUDAI_KEEPER_SECRET", raising=False)
    with pytest.raises(SettingsError, match="token_urlsafe"):
        share(tmp_path / "run.journal", secret=given)
    assert not list(tmp_path.iterdir())


def test_splitter_keeps_nothing_of_a_frame_that_is_too_long() -> None:
    """The length is checked before anything is kept, and frames may come in any pieces."""
    splitter = Splitter()
    data = raw({"a": 1}) + raw({"b": 2})
    assert [frame for byte in data for frame in splitter.feed(bytes([byte]))] == [b'{"a": 1}', b'{"b": 2}']
    with pytest.raises(FrameError):
        list(splitter.feed(struct.pack(">I", 1025)))

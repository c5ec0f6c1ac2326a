"""Constructed cassettes of a vendor, played under both clients."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

from cloudai import Provider
from cloudai.testing import orphans, replay
from tests.conftest import Caller
from tests.support.paths import FIXTURES

PICTURE, GREETING = FIXTURES / "나무.png", FIXTURES / "인사.wav"
REVIEW = "맛있어요! 😀 서비스는 별로였어요."


TEXTS = ("detect_language", "key_phrases", "translate", "dictionary")
"""The operations whose cassettes are played in the files ``test_texts.py``."""
APART = ("read_text", "text_to_speech", "voices")
"""Operations whose cassettes are played in a file of their own."""


class Cassettes:
    """The cassettes of one folder, or those of the operations on texts among them, and which of them were played."""

    def __init__(self, vendor: str, *, texts: bool = False) -> None:
        self.folder = FIXTURES / vendor
        self.texts = texts
        self.played: set[Path] = set()

    def ask(self, call: Caller, name: str, provider: Provider, operation: str, *args: Any, **options: Any) -> Any:
        """Make one call that is answered from a cassette, strictly, without a key."""
        path = self.folder / f"{name}.json"
        self.played.add(path)
        with replay(path) as send:
            return call(
                provider,
                operation,
                *args,
                send=send,
                client_offline=True,
                client_sleep=lambda _: None,
                client_max_attempts=1,
                **options,
            )

    def require_all(self, operation: str = "") -> None:
        """Require that no cassette lies about unused, and that none poses as recorded.

        Args:
            operation: One of `APART`, or "" for the cassettes of all operations but these.
        """
        unused = [path.name.partition("-")[0] for path in orphans(self.folder, self.played) if self._is_mine(path)]
        assert operation not in unused if operation else set(unused) <= set(APART)
        assert all(map(self._is_mine, self.played))
        for path in self.folder.glob("*.json"):
            assert '"kind": "constructed"' in path.read_text("utf-8")
            assert '"kind": "recorded"' not in path.read_text("utf-8")

    def _is_mine(self, path: Path) -> bool:
        """Return whether a cassette is one of those that are played here."""
        return (path.name.partition("-")[0] in TEXTS) == self.texts


def write_wav(path: Path, seconds: float, rate: int = 8_000, samples: bytes | None = None) -> Path:
    """Write a WAV of 16-bit silence, or of these samples."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * int(rate * seconds)) if samples is None else samples)
    return path

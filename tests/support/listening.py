"""A recording of sentences that a computer can tell apart, and a server that writes down what is in the sound it gets.

Each word of the recording is a tone of its own. The server decodes what it is sent, looks for the tones, and replies in
the shape of a vendor with the times that it has found in the piece: it knows nothing of the whole recording.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from cloudai import Response
from cloudai.core.flow import Blob, Request

__all__ = ["RATE", "SHAPES", "Listener", "Said", "recording", "uploaded", "wav_of", "words_of"]

RATE = 16_000
FIRST, STEP = 400.0, 30.0
"""Hertz of the first word, and from one word to the next."""
FRAME = 320
"""Samples of the frames in which the server looks for tones."""
WINDOW = np.hanning(FRAME).astype("float32")
TONE = 4_096
"""Samples of a word in which the server looks for its tone: a quarter of a second, which tells 4 Hz apart."""
Heard = tuple[str, float, float]
"""A word, where it begins, and where it ends, in seconds."""


@dataclass(frozen=True)
class Said:
    """A recording, and the words in it with their times."""

    samples: Any
    words: tuple[Heard, ...]

    def wav(self, *channels: Any) -> bytes:
        """Return the recording as WAV; further channels stand beside it."""
        return wav_of(np.stack([self.samples, *channels], axis=1))


def wav_of(samples: Any) -> bytes:
    """Return samples from -1 to 1 as a WAV with 16 bits."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="WAV", subtype="PCM_16")
    return out.getvalue()


def recording(
    sentences: int,
    *,
    words: int = 5,
    pause: float = 0.8,
    noise: float = 0.002,
    music: Sequence[tuple[float, float]] = (),
    drawn: Mapping[int, float] = MappingProxyType({}),
) -> Said:
    """Return a recording of sentences with pauses between them, over noise, and over music between these times.

    Words follow each other after 0.1 s, so that there is no pause inside a sentence. Music has no pause, and is as
    loud as the words, in tones that no word has. The words whose numbers are in ``drawn`` last so many seconds.
    """
    sure = np.random.default_rng(28)
    heard: list[Heard] = []
    at = 0.4
    pieces = []
    for number in range(sentences * words):
        length = drawn.get(number, 0.3 + 0.15 * float(sure.random()))
        pieces.append((at, length, FIRST + STEP * number))
        heard.append((f"단어{number}", at, at + length))
        at += length + (0.8 * (1 + float(sure.random())) if number % words == words - 1 else 0.1)
    samples = sure.standard_normal(int(at * RATE)).astype("float32") * noise
    for begin, length, tone in pieces:
        first, n = int(begin * RATE), int(length * RATE)
        samples[first : first + n] += 0.3 * np.sin(2 * np.pi * tone * np.arange(n, dtype="float32") / RATE)
    for begin, end in music:
        first, n = int(begin * RATE), int((end - begin) * RATE)
        times = np.arange(n, dtype="float32") / RATE
        samples[first : first + n] += 0.25 * (np.sin(2 * np.pi * 110 * times) + np.sin(2 * np.pi * 165 * times))
    return Said(np.clip(samples, -0.99, 0.99), tuple(heard))


def words_of(data: bytes) -> list[Heard]:
    """Return the words that are whole in a piece of sound; one that is cut through is heard as another one."""
    samples = decoded(data)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    spectrum = np.abs(np.fft.rfft(frames * WINDOW, axis=1))
    loud = spectrum[:, 6:].max(axis=1) > 8.0  # from 300 Hz on, so that music is no word
    found: list[Heard] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype("int8"), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        sound = samples[first * FRAME : last * FRAME][:TONE]
        tones = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), TONE))
        tones[: 300 * TONE // RATE] = 0
        number = round((float(tones.argmax()) * RATE / TONE - FIRST) / STEP)
        is_whole = (last - first) * FRAME / RATE >= 0.24 and first > 0 and last < len(loud)
        other = "음" if last == len(loud) else "읏"  # the end of one word does not sound like the beginning of another
        found.append((f"단어{number}" if is_whole else other, first * FRAME / RATE, last * FRAME / RATE))
    return found


def decoded(data: bytes) -> Any:
    """Return the first channel of a FLAC or WAV, as numbers from -1 to 1."""
    import soundfile

    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0][:, 0]


def google_1(words: Sequence[Heard], _: Request) -> Any:
    """Return the reply of Google Speech v1, one result for all."""
    listed = [{"word": word, "startTime": f"{begin:.3f}s", "endTime": f"{end:.3f}s"} for word, begin, end in words]
    text = " ".join(word for word, _, _ in words)
    return {"results": [{"alternatives": [{"transcript": text, "confidence": 0.9, "words": listed}]}]} if words else {}


def google_2(words: Sequence[Heard], _: Request) -> Any:
    """Return the reply of Google Speech v2, one result for each five words."""
    results = []
    for n in range(0, len(words), 5):
        some = words[n : n + 5]
        listed = [
            {"word": word, "startOffset": f"{begin:.3f}s", "endOffset": f"{end:.3f}s"} for word, begin, end in some
        ]
        results.append({"alternatives": [{"transcript": " ".join(word for word, *_ in some), "words": listed}]})
    return {"results": results}


def azure_fast(words: Sequence[Heard], _: Request) -> Any:
    """Return the reply of fast transcription, whose phrases have punctuation that its words lack."""

    def timed(text: str, begin: float, end: float) -> dict[str, Any]:
        times = {"offsetMilliseconds": round(begin * 1000), "durationMilliseconds": round((end - begin) * 1000)}
        return {"text": text, **times}

    phrases = []
    for n in range(0, len(words), 5):
        some = words[n : n + 5]
        text = " ".join(word for word, *_ in some) + "."
        phrases.append({**timed(text, some[0][1], some[-1][2]), "words": [timed(*word) for word in some], "speaker": 1})
    whole = " ".join(phrase["text"] for phrase in phrases)
    return {"durationMilliseconds": 1, "combinedPhrases": [{"text": whole}] if whole else [], "phrases": phrases}


def azure_short(words: Sequence[Heard], _: Request) -> Any:
    """Return the reply of the API for short audio, which has one text and no words."""
    if not words:
        return {"RecognitionStatus": "NoMatch", "Offset": 0, "Duration": 0}
    text = " ".join(word for word, *_ in words)
    times = {"Offset": int(words[0][1] * 1e7), "Duration": int((words[-1][2] - words[0][1]) * 1e7)}
    return {
        "RecognitionStatus": "Success",
        "DisplayText": text,
        **times,
        "NBest": [{"Confidence": 0.9, "Display": text}],
    }


def watson(words: Sequence[Heard], _: Request) -> Any:
    """Return the reply of Watson Speech to Text, one result for each five words."""
    results = []
    for n in range(0, len(words), 5):
        some = words[n : n + 5]
        text = "".join(f"{word} " for word, *_ in some)
        best = {"transcript": text, "confidence": 0.9, "timestamps": [list(word) for word in some]}
        results.append({"final": True, "alternatives": [best]})
    return {"result_index": 0, "results": results}


SHAPES: Mapping[str, Callable[[Sequence[Heard], Request], Any]] = {
    "google v1": google_1,
    "google v2": google_2,
    "azure fast": azure_fast,
    "azure short": azure_short,
    "watson": watson,
}


@dataclass
class Listener:
    """A server that replies with the words of what it is sent; give it as ``send=``.

    It replies with 503 to a piece that begins with a word in ``failing``, as often as that says, and with 400 to one
    that has the word ``refused``.
    """

    shape: str
    failing: dict[str, int] = field(default_factory=dict)
    """The number of times that a piece is not answered, by its first word."""
    refused: str = ""
    """A word of a piece that the vendor does not take."""
    headers: dict[str, str] = field(default_factory=dict)
    """The headers of a reply that is a failure."""
    heard: list[list[Heard]] = field(default_factory=list)
    """The words of each piece that was answered."""
    sent: list[tuple[str, int]] = field(default_factory=list)
    """The format, and the bytes, of all that was sent."""
    before_reply: Callable[[], None] = lambda: None
    _lock: Any = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response:
        data = uploaded(request)
        words = words_of(data)
        first = words[0][0] if words else ""
        with self._lock:
            self.sent.append(("flac" if data[:4] == b"fLaC" else "wav", len(data)))
            if self.failing.get(first, 0) > 0:
                self.failing[first] -= 1
                return Response(503, self.headers, b"{}")
            if any(word == self.refused for word, _, _ in words):
                return Response(400, {}, b'{"error": {"code": 400, "message": "bad sound"}}')
            self.before_reply()
            self.heard.append(words)
        body = json.dumps(SHAPES[self.shape](words, request)).encode()
        return Response(200, {"content-type": "application/json"}, body)


def uploaded(request: Request) -> bytes:
    """Return the recording in a request."""
    body = request.json or {}
    held = [
        *(file.content for name, file in (request.files or {}).items() if name == "audio"),
        *([request.content] if request.content else []),
        *([body["content"]] if "content" in body else []),
        *([body["audio"]["content"]] if "audio" in body else []),
    ]
    return held[0].data if isinstance(held[0], Blob) else bytes(held[0])

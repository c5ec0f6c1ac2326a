"""Recordings as people have them: what is told to the vendor is what the bytes are, and nothing is lost or guessed."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from cloudai import Azure, Client, Google, InputError, Response, UnsupportedOperationError, Watson
from cloudai.core.flow import Request
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.media.containers import container_of, past_tags
from cloudai.media.decoding import DEMUXERS, decode, measure
from cloudai.providers.settings import Resource
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.pictures import in_place

PCM = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
SECOND = b"\1\0" * 16_000
SPEECH = {"results": [{"alternatives": [{"transcript": "안녕"}]}]}
FAST = {"durationMilliseconds": 1000, "combinedPhrases": [{"text": "안녕"}], "phrases": []}
WATSON = {"result_index": 0, "results": [{"final": True, "alternatives": [{"transcript": "안녕 "}]}]}
SHORT = {"RecognitionStatus": "Success", "DisplayText": "안녕"}
EVERY = AudioLimits("V", frozenset({"wav", "flac", "mp3", "ogg-opus"}), 10_000_000, 60.0)


def written(kind: str, codec: str | None = None, channels: int = 1, seconds: int = 1, rate: int = 16_000) -> bytes:
    """Return noise in a format; the channels differ."""
    import numpy as np
    import soundfile

    out = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal((rate * seconds, channels)).astype("float32") * 0.1
    soundfile.write(out, noise, rate, format=kind, subtype=codec)
    return out.getvalue()


def by_browser(codec: str, container: str, *, seconds: float = 1.0, live: bool = True) -> bytes:
    """Return what a browser or a telephone records; a live recording states no length."""
    import av

    out = io.BytesIO()
    sink: Any = type("Pipe", (), {"write": staticmethod(out.write)})() if live else out
    with av.open(sink, "w", format=container) as file:
        encoder = file.add_stream(codec, rate=48_000)
        encoder.codec_context.layout = "mono"
        for number in range(int(seconds * 50)):
            frame = av.AudioFrame(format="s16", layout="mono", samples=960)
            frame.planes[0].update(bytes(1920))
            frame.sample_rate, frame.pts = 48_000, number * 960
            file.mux(encoder.encode(frame))
        file.mux(encoder.encode(None))
    return out.getvalue()


def wav(*chunks: tuple[bytes, bytes], riff: bytes = b"RIFF", padded: bool = True) -> bytes:
    """Return a WAV of these chunks."""
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (padded and len(content) % 2)
        for name, content in chunks
    )
    return riff + struct.pack("<I", len(body)) + body


def tagged(data: bytes, size: int = 20, *, footer: bool = False) -> bytes:
    """Return data behind an ID3v2 tag, whose size has seven bits in each byte."""
    length = bytes([size >> 21 & 0x7F, size >> 14 & 0x7F, size >> 7 & 0x7F, size & 0x7F])
    return b"ID3\4\0" + (b"\x10" if footer else b"\0") + length + b"\0" * (size + 10 * footer) + data


def probe(given: Any, limits: AudioLimits = EVERY, channels: Any = None) -> Sound:
    """Run the flow in place."""
    sound: Sound = in_place(Audio(given).probe(limits, channels))
    return sound


@pytest.fixture
def _without_av(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that PyAV is not installed."""
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)


@pytest.mark.parametrize("kind", ["FLAC", "WAV"])
@pytest.mark.parametrize("tags", [(20,), (200,), (20, 300)])
def test_tags_before_a_recording_are_passed_over(kind: str, tags: tuple[int, ...]) -> None:
    """One ID3 tag or two before FLAC or WAV: it is called what it is, and goes out without the tags."""
    data = given = written(kind)
    for size in tags:
        given = tagged(given, size, footer=size == 300)
    assert past_tags(given) == len(given) - len(data)
    sound = probe(given)
    assert sound.blob is not None
    assert (sound.format, sound.duration, sound.blob.data) == (kind.lower(), 1.0, data)


@pytest.mark.parametrize("blanks", [b"\n", b"\r\n \t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3"])
def test_blanks_before_a_recording_are_left_out(kind: str, blanks: bytes) -> None:
    """A script that printed a line first does not make a recording unreadable; the blanks are not sent."""
    data = tagged(written(kind)) if kind == "MP3" else written(kind)
    sound = probe(blanks + data)
    assert sound.blob is not None
    assert (sound.format, sound.blob.data) == (kind.lower(), data)
    with pytest.raises(InputError, match="is not audio"):
        probe(blanks + b"no recording")


def test_a_tag_before_an_m4a_ends_where_the_recording_begins() -> None:
    """The first bytes of an M4A are zero, like those that some writers fill up with behind the tag."""
    data = by_browser("aac", "mp4", live=False)
    assert data[:1] == b"\0"
    assert past_tags(tagged(data)) == len(tagged(b""))
    assert probe(tagged(data)).format == "flac"


def test_layer_two_of_mpeg_is_not_called_mp3(call: Caller) -> None:
    """MP2, which broadcasters record, is no MP3: a vendor that reads MP3 gets it as FLAC."""
    data = by_browser("mp2", "mp2")
    assert container_of(data) == "mp2"
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        return ok(SPEECH)

    call(Google(api_key="not-a-real-key"), "speech_to_text", data, language="ko", send=send)
    assert "encoding" not in sent[0].json["config"]
    assert sent[0].json["audio"]["content"].data[:4] == b"fLaC"


def test_an_ogg_is_called_vorbis_only_where_it_is() -> None:
    """Ogg holds other codecs too, such as Speex and FLAC; Watson has to be told which it is."""
    page = b"OggS\0\2" + b"\0" * 20 + b"\1"
    assert container_of(page + b"\x1e\x01vorbis") == "ogg-vorbis"
    assert container_of(page + b"\x13OpusHead") == "ogg-opus"
    assert container_of(page + b"\x50Speex   ") == "ogg"
    assert container_of(written("OGG", "VORBIS")) == "ogg-vorbis"


def test_an_mp3_keeps_its_tag() -> None:
    """A tag belongs to an MP3, so that its bytes go out as they were given."""
    given = tagged(written("MP3"))
    sound = probe(given)
    assert sound.blob is not None
    assert (sound.format, sound.blob.data) == ("mp3", given)


@pytest.mark.parametrize("name", [b"LIST", b"JUNK", b"xyz "])
@pytest.mark.parametrize("size", [0, 1, 3, 4])
def test_chunks_before_the_sound(name: bytes, size: int) -> None:
    """An empty chunk swallows nothing, and one of odd length is followed by a byte of padding."""
    sound = probe(wav((b"fmt ", PCM), (name, b"x" * size), (b"data", SECOND)))
    assert (sound.duration, sound.rate, sound.prepared) == (1.0, 16_000, None)


@pytest.mark.parametrize("size", [1, 3, 27])
def test_a_chunk_that_is_not_padded(size: int) -> None:
    """The chunk behind it is found all the same, and the vendor gets a header that every reader knows."""
    given = wav((b"fmt ", PCM), (b"LIST", b"x" * size), (b"data", SECOND), padded=False)
    sound = probe(given)
    assert (sound.duration, sound.prepared) == (1.0, "header written anew")
    assert sound.blob is not None
    assert sound.blob.data == wav((b"fmt ", PCM), (b"data", SECOND))


def test_a_chunk_that_is_not_padded_is_no_obstacle_to_decoding() -> None:
    """FFmpeg finds no sound there either, so that it is given the header that was written anew."""
    eight_bits = struct.pack("<HHIIHH", 1, 1, 16_000, 16_000, 1, 8)
    given = wav((b"fmt ", eight_bits), (b"LIST", b"xxx"), (b"data", b"\x80\x90" * 8_000), padded=False)
    sound = probe(given, AudioLimits("V", EVERY.formats, 10_000_000, 60.0, wav_codecs=frozenset({("pcm", 16)})))
    assert sound.blob is not None
    assert (sound.format, measure(sound.blob.data, "flac")[:3]) == ("flac", (1.0, 16_000, 1))


@pytest.mark.parametrize("riff", [b"RF64", b"BW64"])
def test_rf64_goes_out_as_wav(riff: bytes) -> None:
    """The true size stands in the chunk ds64; what follows the sound is not taken for sound."""
    ds64 = struct.pack("<QQQI", 0, len(SECOND), 16_000, 0)
    given = wav((b"ds64", ds64), (b"fmt ", PCM), (b"data", SECOND), (b"LIST", b"tail"), riff=riff)
    at = given.index(b"data") + 4
    sound = probe(given[:at] + b"\xff" * 4 + given[at + 4 :])
    assert (sound.duration, sound.format) == (1.0, "wav")
    assert sound.blob is not None
    assert sound.blob.data == wav((b"fmt ", PCM), (b"data", SECOND))


@pytest.mark.parametrize("codec", ["ALAW", "ULAW"])
def test_telephone_codecs(call: Caller, codec: str) -> None:
    """A-law and mu-law have the right length, and reach each vendor in a form that it reads."""
    given = written("WAV", codec, rate=8_000)
    sent: list[Request] = []
    google = Google(api_key="k" * 30)

    def send(request: Request) -> Response:
        sent.append(request)
        return ok(SPEECH)

    said = call(google, "speech_to_text", given, language="ko-KR", send=send)
    assert said.duration == 1.0
    data = sent[0].json["audio"]["content"].data
    if codec == "ULAW":
        assert data == given
        assert said.meta.prepared is None
    else:
        assert data[:4] == b"fLaC"
        assert said.meta.prepared == "8-bit alaw WAV to FLAC"
        assert measure(data, "flac")[:3] == (1.0, 8_000, 1)
    assert "encoding" not in sent[0].json["config"]


@pytest.mark.parametrize("codec", ["PCM_24", "FLOAT", "PCM_U8"])
def test_samples_that_google_does_not_read_are_converted(codec: str) -> None:
    """A WAV of another kind of samples is decoded to FLAC, where it was refused."""
    with Client(Google(api_key="k" * 30), send=lambda _: ok(SPEECH)) as client:
        said = client.speech_to_text(written("WAV", codec), language="ko")
    assert said.meta.prepared is not None
    assert said.meta.prepared.endswith("WAV to FLAC")


def without_header(*, seconds: int) -> bytes:
    """Return an MP3 of a variable bit rate whose first frame, which states the length, is missing."""
    import numpy as np
    import soundfile

    out = io.BytesIO()
    loud = 0.3 * np.random.default_rng(0).standard_normal(44_100 * (seconds - 2))
    sound = np.concatenate([np.zeros(44_100 * 2), loud]).astype("float32")
    soundfile.write(out, sound, 44_100, format="MP3", bitrate_mode="VARIABLE", compression_level=0.2)
    data = out.getvalue()
    second = next(n for n in range(4, len(data)) if data[n] == 0xFF and data[n + 1] == data[1])
    return data[second:]


@pytest.mark.long
def test_a_variable_bit_rate_without_a_header_is_measured() -> None:
    """Quiet at first and loud later: the length is that of all frames, and never an estimate."""
    assert probe(without_header(seconds=20)).duration == pytest.approx(20, abs=0.2)
    with pytest.raises(InputError, match=r"lasts 1:1"):
        probe(without_header(seconds=70))


@pytest.mark.usefixtures("_without_av")
def test_what_cannot_be_measured_is_refused_with_the_install_line() -> None:
    """Without PyAV an MP3 without a header is refused, and so is a format that would have to be decoded."""
    for given in (without_header(seconds=10), written("OGG", "VORBIS"), written("AIFF")):
        with pytest.raises(InputError, match=r'pip install "\.\[audio\]"'):
            probe(given)
    for kind, seconds in (("WAV", 1.0), ("FLAC", 1.0), ("MP3", 1.0)):
        assert probe(written(kind)).duration == pytest.approx(seconds, abs=0.2), "a sound header is enough"


@pytest.mark.parametrize(
    ("kind", "codec", "name"),
    [
        ("AIFF", None, "aiff"),
        ("CAF", None, "caf"),
        ("AU", None, "au"),
        ("W64", None, "w64"),
        ("OGG", "VORBIS", "ogg-vorbis"),
    ],
)
def test_other_formats_are_decoded_to_flac(kind: str, codec: str | None, name: str) -> None:
    """What a vendor does not read is decoded, with its rate and its length, and the result says so."""
    given = written(kind, codec)
    assert container_of(given) == name
    sound = probe(given)
    assert sound.blob is not None
    assert (sound.format, sound.prepared, sound.rate, sound.channels) == ("flac", f"{name} to FLAC", 16_000, 1)
    assert sound.duration == pytest.approx(1, abs=0.1)
    length = measure(sound.blob.data, "flac")
    assert length is not None
    assert length.duration == pytest.approx(1, abs=0.1)


def test_decoding_stops_at_the_limit_of_the_vendor() -> None:
    """A file that states a false length is not decoded without end, and damaged ones give nothing."""
    assert decode(written("FLAC", seconds=10), "flac", "wav", mono=True, rate=16_000, max_seconds=3) is None
    for name in DEMUXERS:
        assert decode(b"\0" * 3_000, name, "flac", mono=True, rate=16_000, max_seconds=3) is None
        assert measure(b"\0" * 3_000, name) is None


RECORDED = [("libopus", "webm", "webm-opus"), ("aac", "adts", "aac"), ("aac", "ipod", "m4a")]


@pytest.mark.parametrize(("codec", "container", "name"), RECORDED)
def test_what_browsers_and_telephones_record_is_measured(codec: str, container: str, name: str) -> None:
    """A live WebM states no length, and has one all the same; so have M4A and AAC."""
    given = by_browser(codec, container, live=container == "webm")
    assert container_of(given) == name
    sound = probe(given, AudioLimits("V", frozenset({name}), 10_000_000, 60.0))
    assert sound.blob is not None
    assert sound.blob.data == given
    assert sound.duration == pytest.approx(1, abs=0.1)
    with pytest.raises(InputError, match=r"lasts 0:0\d.*takes 0:00\.5"):
        probe(given, AudioLimits("V", frozenset({name}), 10_000_000, 0.5))


def test_webm_and_m4a_go_as_they_are_to_vendors_that_take_them() -> None:
    """Google v1 is told WEBM_OPUS, v2 decodes M4A by itself, IBM is told audio/webm; Azure takes WebM."""
    webm, m4a = by_browser("libopus", "webm"), by_browser("aac", "ipod", live=False)
    sent: list[Request] = []

    def answering(reply: Any) -> Any:
        return lambda request: sent.append(request) or ok(reply)

    watson = Watson(
        speech_to_text=Resource("k" * 40, "https://api.us-south.speech-to-text.watson.cloud.ibm.com/instances/0")
    )
    azure = Azure(key="k" * 32, endpoint="https://x.cognitiveservices.azure.com")
    for provider, given, reply in (
        (Google(api_key="k" * 30), webm, SPEECH),
        (Google(api_key="k" * 30, project="p-1"), m4a, SPEECH),
        (Google(api_key="k" * 30), m4a, SPEECH),
        (watson, webm, WATSON),
        (azure, webm, FAST),
        (azure, m4a, FAST),
    ):
        with Client(provider, send=answering(reply)) as client:
            client.speech_to_text(given, language="en-US")
    assert sent[0].json["config"]["encoding"] == "WEBM_OPUS"
    assert sent[0].json["config"]["sampleRateHertz"] == 48_000
    assert sent[1].json["content"].data == m4a
    assert sent[2].json["audio"]["content"].data[:4] == b"fLaC"
    assert sent[3].headers["Content-Type"] == "audio/webm;codecs=opus"
    assert sent[4].files["audio"].content.data == webm  # type: ignore[index, union-attr]
    assert sent[5].files["audio"].content.data[:4] == b"fLaC"  # type: ignore[index, union-attr]


def test_a_picture_in_the_container_of_mp4_is_no_recording() -> None:
    """HEIC and AVIF begin as M4A does, and are refused as what they are not."""
    with pytest.raises(InputError, match="is not audio"):
        probe(b"\0\0\0\x20ftypheic" + b"\0" * 40)


STEREO = written("WAV", "PCM_16", channels=2)


def asked(provider: Any, given: Any = STEREO, reply: Any = SPEECH, **options: Any) -> tuple[Any, Request]:
    """Return a transcript, and the request for it."""
    sent: list[Request] = []
    with Client(provider, send=lambda request: sent.append(request) or ok(reply)) as client:
        return client.speech_to_text(given, language="ko-KR", **options), sent[0]


def test_channels_at_google() -> None:
    """By itself, and with "each", each channel is recognized; "mix" sends one channel, and meta says which was done."""
    v1, v2 = Google(api_key="k" * 30), Google(api_key="k" * 30, project="p-1")
    for options in ({}, {"channels": "each"}):
        said, request = asked(v1, **options)
        assert request.json["config"]["enableSeparateRecognitionPerChannel"] is True
        assert request.json["config"]["audioChannelCount"] == 2
        assert said.meta.channels == "each"
        said, request = asked(v2, **options)
        assert request.json["config"]["features"]["multiChannelMode"] == "SEPARATE_RECOGNITION_PER_CHANNEL"
        assert said.meta.channels == "each"
    for google, part in ((v1, "config"), (v2, "config")):
        said, request = asked(google, channels="mix")
        told = str(request.json[part])
        assert "enableSeparate" not in told
        assert "multiChannel" not in told
        data = (request.json["audio"] if google is v1 else request.json)["content"].data
        assert measure(data, "flac")[:3] == (1.0, 16_000, 1)
        assert (said.meta.channels, said.meta.prepared) == ("mix", "16-bit pcm WAV to FLAC, 2 channels mixed")
    said, request = asked(v1, written("WAV"), channels="each")
    assert said.meta.channels is None
    assert "enableSeparateRecognitionPerChannel" not in request.json["config"]


def test_both_channels_are_in_the_mix() -> None:
    """What is said in one channel alone is heard in the mix, whichever it is."""
    import numpy as np
    import soundfile

    for channel in (0, 1):
        sound = np.zeros((16_000, 2), "float32")
        sound[:, channel] = 0.5
        out = io.BytesIO()
        soundfile.write(out, sound, 16_000, format="WAV", subtype="PCM_16")
        _, request = asked(Google(api_key="k" * 30), out.getvalue(), channels="mix")
        mixed, _ = soundfile.read(io.BytesIO(request.json["audio"]["content"].data))
        assert abs(mixed).max() > 0.2


def test_channels_at_azure() -> None:
    """Azure mixes by itself; "each" names the channels, and each word has the number of its channel."""
    azure = Azure(key="k" * 32, endpoint="https://x.cognitiveservices.azure.com")
    said, request = asked(azure, reply=FAST)
    assert b'"channels"' not in request.files["definition"].content  # type: ignore[index, operator]
    assert said.meta.channels == "mix"
    phrase = {
        "text": "안녕",
        "channel": 1,
        "words": [{"text": "안녕", "offsetMilliseconds": 0, "durationMilliseconds": 9}],
    }
    reply = {"combinedPhrases": [{"channel": 1, "text": "안녕"}], "phrases": [phrase]}
    said, request = asked(azure, reply=reply, channels="each")
    assert b'"channels": [0, 1]' in request.files["definition"].content  # type: ignore[index, operator]
    assert (said.meta.channels, said.words[0].channel, said.to_rows()[0]["channel"]) == ("each", 1, 1)
    with pytest.raises(UnsupportedOperationError, match="either channels or speakers"):
        asked(azure, channels="each", speakers=2)
    with pytest.raises(UnsupportedOperationError, match="the recording has 3"):
        asked(azure, written("WAV", "PCM_16", channels=3), channels="each")


def test_channels_where_a_vendor_cannot_tell_them_apart() -> None:
    """Watson mixes and refuses "each"; Azure's API for short audio gets one channel; addresses are not read here."""
    watson = Watson(
        speech_to_text=Resource("k" * 40, "https://api.us-south.speech-to-text.watson.cloud.ibm.com/instances/0")
    )
    said, request = asked(watson, reply=WATSON)
    assert (said.meta.channels, request.content.data) == ("mix", STEREO)  # type: ignore[union-attr]
    with pytest.raises(UnsupportedOperationError, match="mixes all channels"):
        asked(watson, channels="each")
    short = Azure(key="k" * 32, region="koreacentral")
    said, request = asked(short, reply=SHORT)
    assert said.meta.channels == "mix"
    assert probe(request.content.data).channels == 1  # type: ignore[union-attr]
    with pytest.raises(UnsupportedOperationError, match="reads one channel"):
        asked(short, channels="each")
    google = Google(api_key="k" * 30)
    for channels, text in (("mix", "Google mixes no channels"), ("each", "Speech v2")):
        with pytest.raises(UnsupportedOperationError, match=text):
            asked(google, "gs://bucket/연설.wav", channels=channels)


@pytest.mark.usefixtures("_without_av")
def test_mixing_needs_the_extra() -> None:
    """Without PyAV a mix for Google is refused with the install line, and both channels are recognized by default."""
    with pytest.raises(InputError, match=r'2 channels, and Google.*pip install "\.\[audio\]"'):
        asked(Google(api_key="k" * 30), channels="mix")
    said, _ = asked(Google(api_key="k" * 30))
    assert said.meta.channels == "each"

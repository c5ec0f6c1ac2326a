"""IBM's own package as oracle: it reads every reply as we do, and what it sends is what we send.

https://github.com/watson-developer-cloud/python-sdk
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ibm_cloud_sdk_core.authenticators import BasicAuthenticator
from ibm_watson import NaturalLanguageUnderstandingV1, SpeechToTextV1, TextToSpeechV1
from ibm_watson.natural_language_understanding_v1 import AnalysisResults, EmotionOptions, Features, SentimentOptions
from ibm_watson.speech_to_text_v1 import SpeechRecognitionResults
from ibm_watson.text_to_speech_v1 import GetVoiceEnums
from ibm_watson.text_to_speech_v1 import Voices as TheirVoices

from cloudai import Client, Resource, Response, Watson
from cloudai.providers.watson.voice import VOICES
from cloudai.testing import Script
from tests.support.played import GREETING
from tests.vendors.oracle.agree import agree, constructed, recorded
from tests.vendors.oracle.listening import Asked, Listening, asked, listening

__all__ = ["listening"]

KEY = "not-a-real-key"
URL = "https://api.kr-seo.{}.watson.cloud.ibm.com/instances/1"
NLU, STT = URL.format("natural-language-understanding"), URL.format("speech-to-text")
TTS = URL.format("text-to-speech")
WATSON = Watson(nlu=Resource(KEY, NLU), speech_to_text=Resource(KEY, STT), text_to_speech=Resource(KEY, TTS))


def ask(operation: str, given: Any, body: Any, **options: Any) -> tuple[Any, Asked]:
    """Return our result from a reply, and what we asked."""
    content = body if isinstance(body, str) else json.dumps(body)
    script = Script(Response(200, {}, content.encode()))
    with Client(WATSON, send=script) as client:
        result = getattr(client, operation)(given, **options)
    return result, asked(script.requests[0])


def same_request(ours: Asked, theirs: Asked) -> None:
    """Require equal requests, field by field, the key and the header against learning among them."""
    assert (ours.method, ours.path, ours.params) == (theirs.method, theirs.path, theirs.params)
    assert (ours.body or b"") == theirs.body
    for name in ("authorization", "x-watson-learning-opt-out"):
        assert ours.headers[name] == theirs.headers[name]


def same_sentiment(body: Any) -> None:
    """Require that both read one reply alike."""
    ours, _ = ask("sentiment", "x", body)
    theirs = AnalysisResults.from_dict(body)
    whole = theirs.sentiment.document
    agree(ours.score, whole.score)
    if whole.label is not None:
        assert ours.label == whole.label
    assert ours.language == theirs.language
    felt = theirs.emotion.document.emotion if theirs.emotion and theirs.emotion.document else None
    names = {"anger": "anger", "disgust": "disgust", "fear": "fear", "happiness": "joy", "sadness": "sadness"}
    agree(
        ours.emotions.scores() if ours.emotions else None,
        {mine: getattr(felt, their) for mine, their in names.items()} if felt else None,
    )


def test_recorded_sentiment(recordings: Path) -> None:
    """Every recorded reply that has a sentiment is read alike."""
    bodies = [body for _, body in recorded(recordings, "ibm/nlu-v1") if "sentiment" in body]
    assert len(bodies) == 3
    for body in bodies:
        same_sentiment(body)


def test_constructed_sentiment() -> None:
    """So are our own fixtures."""
    for _, body in constructed("watson", "sentiment"):
        same_sentiment(body)


def test_what_we_send_to_nlu(listening: Listening) -> None:
    """The same request, to the letter."""
    listening.reply = {"language": "en", "sentiment": {"document": {"score": 0.5, "label": "positive"}}}
    _, ours = ask("sentiment", "좋아요", listening.reply, language="en")
    service = NaturalLanguageUnderstandingV1(version="2022-08-10", authenticator=BasicAuthenticator("apikey", KEY))
    service.set_service_url(NLU)
    service.set_default_headers({"X-Watson-Learning-Opt-Out": "true"})
    service.analyze(
        features=Features(sentiment=SentimentOptions(), emotion=EmotionOptions()), text="좋아요", language="en"
    )
    same_request(ours, listening.asked[0])


def same_speech(body: Any) -> None:
    """Require that both read one reply alike."""
    ours, _ = ask("speech_to_text", GREETING, body, language="en")
    theirs = SpeechRecognitionResults.from_dict(json.loads(body) if isinstance(body, str) else body)
    best = [result.alternatives[0] for result in theirs.results or () if result.alternatives]
    assert ours.text == " ".join(each.transcript.strip() for each in best)
    times = [tuple(row) for each in best for row in each.timestamps or ()]
    agree([(w.text, w.start, w.end) for w in ours.words], times)
    sure = [row[1] for each in best for row in each.word_confidence or ()]
    agree([w.confidence for w in ours.words if w.confidence is not None], sure)
    labels = {(label.from_, label.to): str(label.speaker) for label in theirs.speaker_labels or ()}
    assert [w.speaker for w in ours.words] == [labels.get((start, end)) for _, start, end in times]
    if not labels:
        agree([s.confidence for s in ours], [each.confidence for each in best])


def test_recorded_speech(recordings: Path) -> None:
    """Every recorded transcript is read alike; left out is what IBM's package cannot read, or is no transcript."""
    seen = 0
    for name, body in recorded(recordings, "ibm/speech-to-text-v1"):
        labels_are_whole = all("confidence" in label for label in body.get("speaker_labels") or ())
        if "results" in body and labels_are_whole and "language_info" not in str(body) and "generated" not in name:
            print(name)
            same_speech(body)
            seen += 1
    assert seen > 12


def test_constructed_speech() -> None:
    """So are our own fixtures."""
    for name, body in constructed("watson", "speech_to_text"):
        print(name)
        same_speech(body)


def test_what_we_send_to_speech_to_text(listening: Listening) -> None:
    """The same request, to the letter."""
    listening.reply = {"results": []}
    _, ours = ask("speech_to_text", GREETING, listening.reply, language="ja", speakers=2)
    service = SpeechToTextV1(authenticator=BasicAuthenticator("apikey", KEY))
    service.set_service_url(STT)
    service.set_default_headers({"X-Watson-Learning-Opt-Out": "true"})
    service.recognize(
        GREETING.read_bytes(),
        content_type="audio/wav",
        model="ja-JP",
        timestamps=True,
        word_confidence=True,
        speaker_labels=True,
        profanity_filter=False,
    )
    same_request(ours, listening.asked[0])
    assert ours.headers["content-type"] == listening.asked[0].headers["content-type"]


def speaking() -> TextToSpeechV1:
    """Return IBM's own client."""
    service = TextToSpeechV1(authenticator=BasicAuthenticator("apikey", KEY))
    service.set_service_url(TTS)
    service.set_default_headers({"X-Watson-Learning-Opt-Out": "true"})
    return service


def test_what_we_send_to_be_spoken(listening: Listening) -> None:
    """The same request for Korean and the same sound: voice, format, speed and text."""
    sound = GREETING.read_bytes()
    script = Script(Response(200, {"content-type": "audio/wav"}, sound))
    with Client(WATSON, send=script) as client:
        speech = client.text_to_speech("안녕하세요!", language="ko", speed=0.8)
    ours = asked(script.requests[0])
    speaking().synthesize("안녕하세요!", accept="audio/wav;rate=22050", voice="ko-KR_JinV3Voice", rate_percentage=-20)
    same_request(ours, listening.asked[0])
    for name in ("accept", "content-type"):
        assert ours.headers.get(name, "application/json") == listening.asked[0].headers[name]
    assert speech.audio == sound


def test_the_voices_as_the_package_reads_them(listening: Listening) -> None:
    """The request for the list, and the name, the language and the gender of each voice, are the package's."""
    ((_, body),) = constructed("watson", "voices")
    script = Script(Response(200, {}, json.dumps(body).encode()))
    with Client(WATSON, send=script) as client:
        ours = client.voices()
    listening.reply = body
    theirs = TheirVoices.from_dict(speaking().list_voices().get_result())
    same_request(asked(script.requests[0]), listening.asked[0])
    assert [(v.name, v.languages, v.gender) for v in ours] == [(v.name, (v.language,), v.gender) for v in theirs.voices]


def test_the_usual_voices_are_known_to_the_package() -> None:
    """Each usual voice is one that IBM's package lists, and speaks the language that it stands for."""
    known = {voice.value for voice in GetVoiceEnums.Voice}
    assert set(VOICES.values()) <= known
    assert all(voice.startswith(f"{code}_") for code, voice in VOICES.items())

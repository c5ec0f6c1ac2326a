"""`check_provider`: all of ours pass it, and every check has a broken provider that it catches."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from cloudai import (
    AuthError,
    Azure,
    Blob,
    Capability,
    CloudAIError,
    ConnectionLostError,
    ContractError,
    Face,
    Faces,
    Flow,
    ForbiddenError,
    Google,
    ImageAnalysis,
    InputError,
    Language,
    Local,
    MalformedResponseError,
    Provider,
    Request,
    Resource,
    Response,
    Sentiment,
    ServerError,
    ServiceError,
    SettingsError,
    UnsupportedOperationError,
    Watson,
)
from cloudai.core.flow import call
from cloudai.core.tokens import Token
from cloudai.languages import base
from cloudai.media import Image, ImageLimits
from cloudai.models.image import FEATURES, Feature
from cloudai.providers.base import capability, require_known, with_headers
from cloudai.providers.replies import Fault, error_body
from cloudai.providers.settings import Setting
from cloudai.providers.wire import Wire
from cloudai.testing import CHECKS, Cassette, Example, Exchange, check_provider
from cloudai.testing._contract import trouble
from tests.made_up.programs import espeak, tesseract
from tests.support.documents import pdf
from tests.support.length import length
from tests.support.onnx import AGES, certain
from tests.support.pictures import encoded, quarters
from tests.support.played import FIXTURES, GREETING, PICTURE, REVIEW

EVERYTHING = {"features": list(FEATURES), "missing": "report"}
REGION = Azure(speech=Resource(region="koreacentral"))
KEY = "CaNaRy-4f9c2e7b5d"
IBM = "https://api.kr-seo.{}.watson.cloud.ibm.com/instances/1"

MAIL = "방이 정말 깨끗했어요! 2층이었습니다.\n그런데 밤에는 시끄러웠어요."
BANK = "한국은행이 기준금리를 동결했다. 물가 상승률은 둔화되었다."

AZURE = [
    Example(
        "analyze_image", PICTURE, "analyze_image-success", {**EVERYTHING, "gender_neutral": True}, Azure(api="4.0")
    ),
    Example("analyze_image", PICTURE, "analyze_image-3", {**EVERYTHING, "language": "ko"}, Azure(api="3.2")),
    Example("analyze_image", PICTURE, "analyze_image-caption-region"),
    Example("detect_faces", PICTURE, "detect_faces-empty"),
    Example("detect_faces", PICTURE, "detect_faces-too-many-calls"),
    Example("estimate_age", PICTURE, "estimate_age-approved", {}, Azure(face_approved=True)),
    Example("read_text", PICTURE, "read_text-success"),
    Example("read_text", pdf(12), "read_text-document", {"language": "ko"}),
    Example("sentiment", REVIEW, "sentiment-success", {"language": "ko-KR"}),
    Example("sentiment", "Bra mat.", "sentiment-failed-in-200", {"language": "sv"}),
    Example("detect_language", "오늘은 김밥을 먹었어요.", "detect_language-success"),
    Example("detect_language", "(빈 글)", "detect_language-failed-in-200"),
    Example("key_phrases", BANK, "key_phrases-success", {"language": "ko-KR"}),
    Example("key_phrases", "The soup was cold.", "key_phrases-detected"),
    Example("translate", "The soup is hot.", "translate-success", {"to": "ko"}),
    Example("translate", "국이 뜨겁습니다.", "translate-several", {"to": ["en", "zh-Hant"], "source": "ko"}),
    Example("translate", "The soup is hot.", "translate-free-quota", {"to": "ko"}),
    Example("dictionary", "Soup", "dictionary-success", {"source": "en", "to": "ko"}),
    Example("text_to_speech", "안녕하세요!", "text_to_speech-success"),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko", "speakers": 2}),
    Example("speech_to_text", GREETING, "speech_to_text-short", {"language": "ko"}, REGION),
]
GOOGLE = [
    Example("analyze_image", PICTURE, "analyze_image-success", {**EVERYTHING, "language": "ko"}),
    Example("analyze_image", PICTURE, "analyze_image-bad-image"),
    Example("detect_faces", PICTURE, "detect_faces-success", {"landmarks": True}),
    Example("detect_faces", PICTURE, "detect_faces-api-off"),
    Example("read_text", PICTURE, "read_text-success", {"language": "ko"}),
    Example("read_text", pdf(12), "read_text-document", {"language": "ko"}),
    Example("sentiment", REVIEW, "sentiment-success", {"language": "ko-KR"}),
    Example("sentiment", REVIEW, "sentiment-day-quota"),
    Example("detect_language", "오늘은 김밥을 먹었어요.", "detect_language-success"),
    Example("detect_language", "謝謝您的幫助", "detect_language-v3", {}, Google(project="p")),
    Example("key_phrases", f"{BANK[:18]}한국은행은 물가를 걱정한다.", "key_phrases-success", {"language": "ko-KR"}),
    Example("translate", "It's Tom & Ana's soup.", "translate-success", {"to": "ko"}),
    Example("translate", "The soup is hot.", "translate-v3", {"to": "ko"}, Google(project="p")),
    Example("translate", "The soup is hot.", "translate-day-quota", {"to": "ko"}),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko"}),
    Example("text_to_speech", "안녕하세요!", "text_to_speech-success"),
    Example("speech_to_text", "gs://bucket/연설.flac", "speech_to_text-long", {"language": "ko"}),
    Example("speech_to_text", GREETING, "speech_to_text-v2", {"language": "en"}, Google(project="p")),
]
WATSON = [
    Example("sentiment", "정말 맛있어요!", "sentiment-korean", {"language": "ko-KR"}),
    Example("sentiment", "The food was wonderful, the room was not.", "sentiment-success"),
    Example("sentiment", "Good.", "sentiment-bad-key"),
    Example("detect_language", "오늘은 김밥을 먹었어요. 참 맛있었어요.", "detect_language-success"),
    Example("key_phrases", BANK, "key_phrases-success", {"language": "ko-KR"}),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko"}),
    Example("text_to_speech", "안녕하세요!", "text_to_speech-success"),
    Example("speech_to_text", GREETING, "speech_to_text-damaged", {"language": "en"}),
]
SMALL = encoded(quarters((80, 60)), "PNG")
"""A picture in which the local engine is done with looking for faces in no time."""
CHAT = {"method": "generative"}
GENERATIVE = [
    Example("analyze_image", PICTURE, "analyze_image-success", {**CHAT, "language": "ko"}),
    Example("read_text", PICTURE, "read_text-success", CHAT),
    Example("sentiment", MAIL, "sentiment-success", CHAT),
    Example("detect_language", "오늘은 김밥을 먹었어요.", "detect_language-success", CHAT),
    Example("key_phrases", BANK, "key_phrases-success", {**CHAT, "language": "ko"}),
    Example("translate", "국이 뜨겁습니다.", "translate-success", {**CHAT, "to": ["en", "zh-Hant"]}),
    Example("sentiment", "맛있어요!", "sentiment-truncated", CHAT),
]
"""Calls that the chat models of all three vendors answer."""
FACES = [Example("estimate_age", PICTURE, "estimate_age-success", CHAT)]
"""Calls for which the vendor's own detector finds the faces."""
NO_FACES = [Example(operation, SMALL, Cassette(), CHAT) for operation in ("estimate_age", "detect_faces")]
"""Calls about a picture in which this machine finds no face, so that nothing is asked."""
LOCAL = [
    Example("analyze_image", SMALL),
    Example("detect_faces", SMALL),
    Example("sentiment", "What a wonderful day."),
    Example("sentiment", "맛있어요!", None, {"language": "ko"}, Local(lexicon={"맛있": 2.0})),
    Example("detect_language", "What a wonderful day."),
    Example("key_phrases", BANK),
]
WATSON_WITH_KEYS = Watson(
    nlu=Resource(KEY, IBM.format("natural-language-understanding")),
    speech_to_text=Resource(KEY, IBM.format("speech-to-text")),
    text_to_speech=Resource(KEY, IBM.format("text-to-speech")),
    watsonx=Resource(KEY, "https://us-south.ml.cloud.ibm.com"),
    watsonx_project="p-1",
    watsonx_model="m-1",
)
AZURE_WITH_KEYS = Azure(
    key=KEY, endpoint="https://example.cognitiveservices.azure.com", face_approved=True, openai_deployment="luna"
)
OURS: list[tuple[type[Provider], list[Example], Provider | None]] = [
    (Azure, AZURE, AZURE_WITH_KEYS),
    (Google, GOOGLE, Google(api_key=KEY, gemini_api_key=KEY)),
    (Watson, WATSON, WATSON_WITH_KEYS),
    (Local, LOCAL, None),
]


@pytest.mark.long
@pytest.mark.parametrize(("kind", "examples", "configured"), OURS, ids=lambda v: getattr(v, "name", ""))
def test_ours_keep_the_contract(
    kind: type[Provider],
    examples: list[Example],
    configured: Provider | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every check passes, with the cassettes of our own tests as examples; the local engine has made-up programs."""
    if kind is Local:
        made_up = Local(tesseract=tesseract(tmp_path), espeak=espeak(tmp_path))
        (tmp_path / "ages.onnx").write_bytes(certain(33, AGES))
        examples = [
            *examples,
            Example("estimate_age", SMALL, None, {}, Local(age_model=tmp_path / "ages.onnx")),
            Example("read_text", PICTURE, None, {}, made_up),
            Example("text_to_speech", "좋아요", None, {}, made_up),
            Example(
                "speech_to_text",
                FIXTURES / "인사.wav",
                None,
                {"language": "ko"},
                Local(speech_model=whisper(tmp_path, monkeypatch)),
            ),
        ]
    monkeypatch.setattr(trouble, "MOST", length(10, trouble.MOST, trouble.MOST))
    held = [*in_folder(FIXTURES / kind.name, examples)]
    if kind is not Local:
        # The code that all three vendors share is looked at once, by the vendor that has no classic service for it.
        chat = GENERATIVE if kind is Watson else FACES
        held += [*in_folder(FIXTURES / "generative" / kind.name, chat), *(NO_FACES if kind is Watson else [])]
    check_provider(kind, held, configured=configured)


def whisper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a made-up model, and let a made-up faster-whisper hear the same in every recording."""

    class WhisperModel:
        model = SimpleNamespace(is_multilingual=True)

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def transcribe(self, *_: Any, **__: Any) -> Any:
            return [SimpleNamespace(text="안녕하세요", start=0.1, end=0.9, words=[])], None

    package = ModuleType("faster_whisper")
    package.__spec__ = ModuleSpec("faster_whisper", None)
    package.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", package)
    for name in ("model.bin", "config.json"):
        (folder / name).write_bytes(b"{}")
    return folder


def in_folder(folder: Path, examples: Sequence[Example]) -> Iterator[Example]:
    """Yield examples whose cassettes are in a folder; those without a cassette stay as they are."""
    for e in examples:
        yield replace(e, cassette=folder / f"{e.cassette}.json" if e.cassette else None)


PAGE = "https://mood.example/docs"
URL = "https://mood.example/v1"
IMAGE_KEY = Image(PICTURE).key


class Score(Wire):
    """The reply to a text."""

    score: float
    words: list[str] = []


class Spots(Wire):
    """The reply to a picture."""

    x: list[float]


class Mood(Provider):
    """A made-up vendor that keeps the contract."""

    name = "mood"
    settings: ClassVar[tuple[Setting, ...]] = (Setting("key", ("MOOD_KEY",), secret=True, purpose="a key"),)
    hosts: ClassVar[tuple[str, ...]] = ("mood.example", "{region}.mood.example")
    limits = ImageLimits(who="Mood", formats=frozenset({"PNG"}), max_bytes=10**6, max_side=1000)

    def __init__(self, *, key: str | None = None) -> None:
        self._given = {"key": key}

    def missing(self, operation: str | None = None) -> str | None:
        """Return the advice to set a key, where there is none."""
        return None if self.setting("key") else "no key. Set MOOD_KEY."

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the key as a header."""
        key = self.setting("key")
        if not key:
            raise SettingsError("no key", advice="Set MOOD_KEY.")
        return with_headers(request, {"X-Mood-Key": key})

    @capability("open", page=PAGE, checked="2026-11-24", free="20/min")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Judge a text."""
        body = {"text": text, "language": base(language) if language else None}
        response: Response = yield Request("POST", URL, service="mood", api="v1", json=body)
        return Sentiment(score=response.parse(Score).score)

    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find faces in a picture."""
        require_known(attributes, ("pose",), "attribute")
        picture = yield from image.fit(self.limits)
        response: Response = yield Request("POST", URL, service="mood", api="v1", content=picture.blob)
        faces = (Face(box=picture.box(x, 0, 1, 1)) for x in response.parse(Spots).x)
        return Faces(faces=tuple(faces))


def held(body: Any, *, status: int = 200, request: dict[str, Any] | None = None) -> Cassette:
    """Return a cassette of one exchange."""
    facts = {"method": "POST", "url": URL, **(request or {})}
    return Cassette(
        [Exchange(kind="constructed", request=facts, response={"status": status, "body": body})],
        match=request is not None,
    )


TEXT = Example("sentiment", "좋아요", held({"score": 0.5, "words": ["좋아요"]}), {"language": "ko"})
UPLOAD = {"upload": {"sha256": IMAGE_KEY, "media_type": "image/png"}}
PHOTO = Example("detect_faces", PICTURE, held({"x": [3.0]}, request=UPLOAD))
REFUSED = Example("sentiment", "좋아요", held({"message": "너무\n많아요"}, status=429))
GOOD = (TEXT, PHOTO, REFUSED)


def told(kind: type[Provider], examples: Sequence[Example] = GOOD) -> list[str]:
    """Return what is wrong with a provider, a line each."""
    try:
        check_provider(kind, examples, configured=getattr(kind, "configured", lambda: None)())
    except ContractError as error:
        return [str(problem) for problem in error.problems]
    return []


class Two(Mood):
    name, contract = "My Mood", 3


def test_the_error_is_one_line_and_its_notes_are_all() -> None:
    """The first problem with what to do in its text; all of them in what a traceback shows."""
    with pytest.raises(ContractError) as raised:
        check_provider(Two)
    assert str(raised.value) == (
        "My Mood does not keep the contract in 2 places: name: its name is 'My Mood'. "
        'Set name = "…": small letters, digits, - and _; users write Client("name").'
    )
    assert raised.value.__notes__ == [f"- {problem}" for problem in raised.value.problems]
    assert [problem.check for problem in raised.value.problems] == ["name", "contract"]


def test_a_provider_that_keeps_the_contract_passes() -> None:
    """So that each of the following is wrong in one way only."""
    assert told(Mood) == []


BROKEN: list[tuple[str, str, type[Provider], Sequence[Example]]] = []
"""Check, what is told, the provider, the examples."""


def broken(check: str, text: str, examples: Sequence[Example] = GOOD) -> Callable[[type[Provider]], type[Provider]]:
    """Enter a broken provider."""

    def enter(kind: type[Provider]) -> type[Provider]:
        globals()[kind.__name__] = kind  # pickle looks it up
        BROKEN.append((check, text, kind, examples))
        return kind

    return enter


def a_setting(**facts: Any) -> tuple[Setting, ...]:
    """Return the settings with another one beside the key."""
    known = {"name": "place", "env": ("MOOD_PLACE",), "purpose": "a place"}
    return (*Mood.settings, Setting(**{**known, **facts}))


@broken("name", "its name is 'My Mood'. Set name")
class NamedBadly(Mood):
    name = "My Mood"


@broken("name", "taken by a provider of cloudai's own. Choose another")
class NamedAsOurs(Mood):
    name = "google"


@broken("contract", "contract is 3. This cloudai has 2")
class OfAnotherContract(Mood):
    contract = 3


@broken("constructor", "cannot be made and pickled without settings .TypeError.*Give every parameter a default")
class NeedsAKey(Mood):
    def __init__(self, *, key: str) -> None:
        super().__init__(key=key)


@broken("constructor", "pickled it comes back as Mood. Leave __reduce__")
class ComesBackAsAnother(Mood):
    def __reduce__(self) -> tuple[Any, ...]:
        return Mood, ()


@broken("settings", "token is not marked. Say secret=True")
class ShowsItsToken(Mood):
    settings = a_setting(name="token")


@broken("settings", "place does not say what it is for. Give purpose=")
class WithoutPurpose(Mood):
    settings = a_setting(purpose="")


@broken("settings", "place has no variable. Give env=")
class WithoutVariable(Mood):
    settings = a_setting(env=())


@broken("settings", "'mood place' is no name of a variable. Write it in capitals")
class WithAnOddVariable(Mood):
    settings = a_setting(env=("mood place",))


@broken("settings", "key is not read from MOOD_KEY. Leave lookup_outside")
class ReadsNoVariable(Mood):
    def lookup_outside(self, name: str) -> None:
        return None


@broken("settings", "key is listed twice. Give each")
class ListsTwice(Mood):
    settings = a_setting(name="key")


@broken("capabilities", "key_phrases is overridden and not declared. Put @capability")
class Undeclared(Mood):
    def key_phrases(self, text: str, *, language: str | None) -> Flow[Any]:
        yield from ()


@broken("capabilities", "translate is open and not overridden. Write the method")
class OnlyDeclared(Mood):
    absent = {"translate": Capability("translate", "open", page=PAGE, checked="2026-11-24")}


@broken("capabilities", "sentiment is overridden and in `absent`. Take it out")
class DeclaredTwice(Mood):
    absent = {"sentiment": Capability("sentiment", "absent", "no")}


@broken("capabilities", "translate is declared as 'sentiment'. Give it the name")
class DeclaredAsAnother(Mood):
    absent = {"translate": Capability("sentiment", "absent", "no")}


@broken("capabilities", "`absent` speaks of 'fly', which is no operation. There are")
class SpeaksOfNothing(Mood):
    absent = {"fly": Capability("fly", "absent", "no")}


def declared(status: Any, **facts: Any) -> type[Provider]:
    """Return a provider whose `sentiment` is declared in this way."""

    class Declared(Mood):
        @capability(status, **{"page": PAGE, "checked": "2026-11-24", **facts})
        def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
            return super().sentiment(text, language=language)

    Declared.__qualname__ = Declared.__name__ = f"Declared{len(BROKEN)}"
    return Declared


broken("capabilities", "sentiment has no page. Give page=")(declared("open", page=None))
broken("capabilities", "sentiment does not say when that was checked. Give checked=")(declared("open", checked=None))
broken("capabilities", "sentiment is deprecated and has no date. Give since=")(declared("deprecated"))
broken("capabilities", "sentiment: checked is '24.11.2026'. Write a date")(declared("open", checked="24.11.2026"))
broken("capabilities", "sentiment: checked is '2026-W05-6'. Write a date")(declared("open", checked="2026-W05-6"))
broken("capabilities", "sentiment: free is 'often'. Write a pace")(declared("open", free="often"))


@broken("capabilities", "translate is retired and has no date. Give since=")
class RetiredSomeDay(Mood):
    absent = {"translate": Capability("translate", "retired", "gone")}


@broken("signatures", "sentiment takes no options. It is passed: language")
class TakesNoOptions(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def sentiment(self, text: str, **options: Any) -> Flow[Sentiment]:  # type: ignore[override]
        return super().sentiment(text, language=None)


@broken("signatures", "sentiment has defaults. Leave them out")
class HasDefaults(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def sentiment(self, text: str, *, language: str | None = "en") -> Flow[Sentiment]:
        return super().sentiment(text, language=language)


broken("examples", "no example of detect_faces has a result. Give Example", [TEXT, REFUSED])(
    type("WithoutExample", (Mood,), {})
)
broken("examples", "an example of translate, which it has not. Leave it out", [*GOOD, Example("translate", "x")])(
    type("WithAnotherExample", (Mood,), {})
)


class Odd(Mood):
    """A provider whose `sentiment` is another one."""

    @capability("open", page=PAGE, checked="2026-11-24")
    def sentiment(self, text: str, *, language: str | None) -> Any:
        """Return whatever `other` gives."""
        return self.other(text, language)

    def other(self, text: str, language: str | None) -> Any:
        """Return the flow that stands in place of the usual one."""
        return super().sentiment(text, language=language)


@broken("flows", "sentiment returns a Later, where a flow is expected. Write it as a generator")
class Awaits(Odd):
    def other(self, text: str, language: str | None) -> Any:
        class Later:
            """An object like a coroutine that nobody awaits, but without the warning."""

        return Later()


@broken("flows", "sentiment raises when it is called: KeyError .*Raise within the flow")
class RaisesAtOnce(Odd):
    def other(self, text: str, language: str | None) -> Any:
        raise KeyError(language)


@broken("flows", "sentiment yields a str. A flow yields a Request")
class YieldsWords(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield "please"
        return (yield from super().other(text, language))


@broken("flows", "detect_faces does open 나무.png itself: .*Yield a Request, or put blocking work")
class ReadsItsInput(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, **options: Any) -> Any:
        PICTURE.read_bytes()
        return (yield from super().detect_faces(image, **options))

    detect_faces.__signature__ = inspect.signature(Mood.detect_faces)  # type: ignore[attr-defined]


@broken("flows", "sentiment does subprocess.Popen itself: .*put blocking work into")
class RunsAProgram(Odd):
    def other(self, text: str, language: str | None) -> Any:
        subprocess.run([sys.executable, "-V"], capture_output=True, check=True)
        return (yield from super().other(text, language))


@broken("results", "sentiment gives a Language. Return a Sentiment")
class ReturnsAnother(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        return Language(code="ko")


@broken("results", "sentiment: TypeError .*no CloudAIError. Raise one of cloudai.errors")
class FailsBare(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        return Sentiment(score=int(None))  # type: ignore[call-overload]


@broken("results", "does not hold POST .*Its cassette must hold")
class AsksMore(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield Request("POST", URL, service="mood", json={})
        return (yield from super().other(text, language))


@broken("results", "1 exchanges of the cassette are not asked for. Ask for them")
class AsksNothing(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from ()
        return Sentiment(score=0.0)


@broken("results", "meta.service is not known. Give Request")
class WithoutService(Odd):
    def other(self, text: str, language: str | None) -> Any:
        response = yield Request("POST", URL, json={"language": language and base(language)})
        return Sentiment(score=response.parse(Score).score)


@broken("results", "sentiment: its result does not survive JSON. Make it by its class")
class MakesUnchecked(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        return Sentiment.model_construct(score="0.5")


@broken(
    "results", r"sentiment has good replies, and ends in MalformedResponseError\(.*Return the result of a good reply"
)
class ReadsWrongly(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        raise MalformedResponseError("the reply has no mood")


@broken("results", r"sentiment has good replies, and ends in InputError\(.*Return the result of a good reply")
class RefusesAllInputs(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        raise InputError("the text is too long")


@broken("results", r"no example of sentiment gives a result: sentiment has good replies, and ends in ServerError\(")
class SeesErrorsEverywhere(Odd):
    def other(self, text: str, language: str | None) -> Any:
        yield from super().other(text, language)
        raise ServerError("no", status=200)


@broken("results", "is refused, and the error is InputError. Leave error")
class AnotherError(Mood):
    def error(self, response: Response) -> Any:
        return InputError("no")


@broken("clients", "the blocking client gives .*the awaiting one .*must not know its caller")
class KnowsItsCaller(Odd):
    def other(self, text: str, language: str | None) -> Any:
        found = yield from super().other(text, language)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return found
        return Sentiment(score=0.25)


class Asks(Odd):
    """A provider whose request is changed."""

    facts: ClassVar[dict[str, Any]] = {}

    def other(self, text: str, language: str | None) -> Any:
        """Send the request with other facts."""
        flow = super().other(text, language)
        response = yield replace(next(flow), **self.facts)
        return Sentiment(score=response.parse(Score).score)


def asking(**facts: Any) -> type[Provider]:
    """Return a provider whose request has these facts."""
    return type(f"Asking{len(BROKEN)}", (Asks,), {"facts": facts})


broken("requests", "a request has json and content. Give texts")(asking(content=b"x"))
broken("requests", "a request has a header or a parameter that is no text. Give texts")(asking(params={"n": 1}))
broken("requests", "a request is no plain data .*Give texts")(asking(json={"when": object()}))
broken("requests", "the flow sets X-Api-Key. Set it in sign")(asking(headers={"X-Api-Key": "abc"}))
broken("requests", "sentiment asks http://. Use https")(asking(url="http://mood.example/v1"))
broken("requests", "asks other.example, which is not in hosts. Add it")(asking(url="https://other.example/"))
broken("requests", "asks mood.example, and hosts is empty. Give hosts")(type("Hostless", (Mood,), {"hosts": ()}))


@broken("requests", "sentiment asks otherwise the second time. Leave times")
class AsksByTheClock(Odd):
    count: ClassVar[Iterator[int]] = itertools.count()

    def other(self, text: str, language: str | None) -> Any:
        flow = super().other(text, language)
        response = yield replace(next(flow), json={"text": text, "n": next(self.count)})
        return Sentiment(score=response.parse(Score).score)


SLACK = Example("detect_faces", PICTURE, held({"x": [3.0]}))


@broken("requests", "upload is not known by the input it was made of .bytes as content.. Send the blob", [TEXT, SLACK])
class SendsBytes(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        require_known(attributes, (), "attribute")
        picture = yield from image.fit(self.limits)
        response: Response = yield Request("POST", URL, service="mood", content=picture.blob.data)  # type: ignore[union-attr]
        response.parse(Spots)
        return Faces()


@broken("limits", "detect_faces sends its input as it is. Begin with", [TEXT, SLACK])
class SendsAsItIs(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        require_known(attributes, (), "attribute")
        blob = yield from call(lambda: Blob(image.key, lambda: image.data))
        response: Response = yield Request("POST", URL, service="mood", content=blob)
        response.parse(Spots)
        return Faces()


def with_limits(**facts: Any) -> type[Provider]:
    """Return a provider with other limits."""
    return type(f"Limits{len(BROKEN)}", (Mood,), {"limits": replace(Mood.limits, **facts)})


broken("limits", "name the format jpg. Use Pillow's names")(with_limits(formats=frozenset({"PNG", "jpg"})))
broken("limits", "have neither JPEG nor PNG. Name one")(with_limits(formats=frozenset({"GIF"})))
broken("limits", "let no picture through. See max_bytes")(with_limits(min_side=2000))


@broken("limits", "of bytes that are no picture gives Faces.*Let the InputError")
class SwallowsInputs(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        options = {"landmarks": landmarks, "attributes": attributes, "max_faces": max_faces}
        try:
            return (yield from super().detect_faces(image, **options))
        except InputError:
            return Faces()


@broken("options", "detect_faces with no-such-thing gives .*Begin with require_known")
class TakesAnyAttribute(Mood):
    @capability("open", page=PAGE, checked="2026-11-24")
    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        return super().detect_faces(image, landmarks=landmarks, attributes=(), max_faces=max_faces)


class Looks(Mood):
    """A provider that analyses pictures, too."""

    def features(self) -> tuple[Feature, ...]:
        """Return tags as the only feature."""
        return ("tags",)

    @capability("open", page=PAGE, checked="2026-11-24")
    def analyze_image(self, image: Image, *, features: Any, missing: str, **options: Any) -> Flow[ImageAnalysis]:  # type: ignore[override]
        """Analyse a picture by its features."""
        self.refuse(features or (), missing)
        picture = yield from image.fit(self.limits)
        response: Response = yield Request("POST", URL, service="mood", api="v1", content=picture.blob)
        response.parse(Spots)
        return ImageAnalysis()

    analyze_image.__signature__ = inspect.signature(Provider.analyze_image)  # type: ignore[attr-defined]

    def refuse(self, features: Sequence[str], missing: str) -> None:
        """Refuse features that are not known, and features that are not there."""
        require_known(features, FEATURES, "feature")
        if missing == "error" and set(features) - {"tags"}:
            raise UnsupportedOperationError("no")


LOOKS = [*GOOD, Example("analyze_image", PICTURE, held({"x": []}, request=UPLOAD))]


def test_a_provider_of_pictures_passes() -> None:
    """Like `Mood`."""
    assert told(Looks, LOOKS) == []


broken("options", r"features\(\) is \(\). Give those", LOOKS)(
    type("Featureless", (Looks,), {"features": Mood.features})
)
broken("options", "analyze_image with caption gives .*UnsupportedOperationError for what", LOOKS)(
    type("TakesAll", (Looks,), {"refuse": lambda _, features, missing: require_known(features, FEATURES, "feature")})
)


@broken("languages", 'sentiment in "tlh": KeyError .*Map codes by a table')
class HasATable(Odd):
    def other(self, text: str, language: str | None) -> Any:
        code = {"ko": "kor", "en": "eng"}[base(language or "en")]
        return (yield from super().other(text, code))


@broken("languages", '"ko" and "ko-KR" differently .Request, UnsupportedOperationError.. Use cloudai.languages')
class TakesShortCodes(Odd):
    def other(self, text: str, language: str | None) -> Any:
        if "-" in (language or ""):
            raise UnsupportedOperationError("no such language")
        return (yield from super().other(text, language))


@broken("errors", "a 301 with 'null': TypeError .*In fault")
class TrustsReplies(Mood):
    def fault(self, response: Response) -> Fault:
        body = error_body(response)
        return Fault(message=str("message" in body))


class Errs(Mood):
    """A provider that makes its errors by itself."""

    def error(self, response: Response) -> Any:
        """Return the usual error if the reply has a line break in it, else another one."""
        return super().error(response) if b"\\n" in response.content else self.made(response)

    def made(self, response: Response) -> Any:
        """Return another error."""


broken("errors", "a 301 with '' is a NoneType. Leave error")(type("ErrsNot", (Errs,), {}))
broken("errors", "loses the status or the hint to wait. Leave error")(
    type("ErrsBlindly", (Errs,), {"made": lambda _, __: ServiceError("no")})
)
broken("errors", "a 401 with '' is a ForbiddenError. A 401 without a word is a AuthError")(
    type("ErrsOtherwise", (Errs,), {"made": lambda _, r: ForbiddenError("no", status=r.status, retry_after=7)})
)
broken("errors", "has a text that is not one line. In fault")(
    type("ErrsAtLength", (Errs,), {"made": lambda _, r: AuthError("a\nb", status=r.status, retry_after=7)})
)


@broken("malformed", r"sentiment with the reply '': .*JSONDecodeError.*Read replies by response.parse")
class ReadsByHand(Odd):
    def other(self, text: str, language: str | None) -> Any:
        response = yield from self._asked(text, language)
        return Sentiment(score=json.loads(response.content)["score"])

    def _asked(self, text: str, language: str | None) -> Any:
        return (yield next(super().other(text, language)))


class Only(Wire):
    score: float


@broken("malformed", r"sentiment with {} at words.0: KeyError.*Read replies by response.parse")
class ReadsPartsByHand(ReadsByHand):
    def other(self, text: str, language: str | None) -> Any:
        response = yield from self._asked(text, language)
        found = Sentiment(score=response.parse(Only).score)
        words = response.json().get("words")
        for word in words if isinstance(words, list) else ():
            word["text"] if isinstance(word, dict) else word
        return found


@broken("interrupted", "sentiment goes on when it is cancelled at step 1. Do not catch BaseException")
class GoesOn(Odd):
    def other(self, text: str, language: str | None) -> Any:
        try:
            return (yield from super().other(text, language))
        except BaseException as error:
            if isinstance(error, CloudAIError | GeneratorExit | ValueError):
                raise
            return Sentiment(score=0.0)


@broken("interrupted", "sentiment cannot be closed at step 1. Do not catch")
class DoesNotClose(Odd):
    def other(self, text: str, language: str | None) -> Any:
        try:
            return (yield from super().other(text, language))
        except GeneratorExit:
            yield Request("DELETE", URL)


@broken("interrupted", "its connection lost at step 1: RuntimeError .*Raise one of")
class LosesItsCalm(Odd):
    def other(self, text: str, language: str | None) -> Any:
        try:
            return (yield from super().other(text, language))
        except ConnectionLostError as error:
            raise RuntimeError("oh") from error


@broken("missing", "sentiment is sent without a key. Raise SettingsError in sign")
class SendsWithoutKey(Mood):
    def sign(self, request: Request, token: Token | None) -> Request:
        return with_headers(request, {"X-Mood-Key": self.setting("key") or ""})


@broken("missing", "sentiment without a key gives SettingsError.*Raise SettingsError in sign.., with what to set")
class SaysNotWhatToSet(Mood):
    def sign(self, request: Request, token: Token | None) -> Request:
        if not self.setting("key"):
            raise SettingsError("no key")
        return super().sign(request, token)


@broken("missing", r"missing\('sentiment'\) is None without a key. Say what to set")
class SaysNotWhatIsMissing(Mood):
    def missing(self, operation: str | None = None) -> None:
        return None


@broken("secrets", "it takes no key by the names of its settings .*Give check_provider")
class TakesAnotherName(Mood):
    def __init__(self, *, api_key: str | None = None) -> None:
        super().__init__(key=api_key)


@broken("secrets", "a key shows in its repr. Set self._given")
class ShowsItsKey(Mood):
    def __repr__(self) -> str:
        return f"ShowsItsKey({self.setting('key')})"


@broken("secrets", "sentiment: a key shows in the error of a refusal. Put nothing of the request")
class TellsItsKey(Mood):
    def fault(self, response: Response) -> Fault:
        return Fault(f"{self.setting('key')} is not accepted")


@broken("secrets", "sentiment: a key is in the address. Send it in a header")
class KeyInAddress(Mood):
    def sign(self, request: Request, token: Token | None) -> Request:
        return replace(super().sign(request, token), params={"key": self.setting("key") or ""})


@broken("secrets", "sentiment: a key is written into a cassette. Declare it as a Setting")
class KeyInCassette(Odd):
    def __init__(self, *, key: str | None = None, password: str | None = None) -> None:
        self._given = {"key": key, "password": password}

    @classmethod
    def configured(cls) -> Provider:
        """Return a provider with a password that no setting speaks of."""
        return cls(key=KEY, password="CaNaRy-7d3a")

    def other(self, text: str, language: str | None) -> Any:
        flow = super().other(text, language)
        response = yield replace(next(flow), json={"text": text, "who": self._given["password"]})
        return Sentiment(score=response.parse(Score).score)


@pytest.mark.long
@pytest.mark.parametrize(("check", "text", "kind", "examples"), BROKEN, ids=lambda v: getattr(v, "__name__", ""))
def test_what_is_broken_is_told(check: str, text: str, kind: type[Provider], examples: Sequence[Example]) -> None:
    """Its check says what is wrong, and what to do."""
    lines = told(kind, examples)
    assert any(re.search(text, line) for line in lines if line.startswith(f"{check}: ")), lines


def test_every_check_has_a_broken_provider() -> None:
    """None is there for show."""
    assert {check for check, *_ in BROKEN} == set(CHECKS)

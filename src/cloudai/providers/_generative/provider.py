"""`Generative` is the base of vendors that have a chat model beside their classic services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cloudai.core.flow import Flow, Request, call
from cloudai.core.tokens import Token
from cloudai.errors import InputError, MissingExtraError, SettingsError, UnsupportedOperationError
from cloudai.media import AudioLimits, Image, ImageLimits
from cloudai.models.base import Box
from cloudai.models.face import Face, Faces
from cloudai.models.image import Feature
from cloudai.providers._generative.chat import VERSIONS, Prompt, Reply
from cloudai.providers.base import OFFLINE, Capability, Method, Provider
from cloudai.providers.registry import find, who_can

__all__ = ["Generative", "generative"]

FLOWS: Mapping[str, str] = {
    "analyze_image": "pictures",
    "detect_faces": "faces",
    "estimate_age": "faces",
    "read_text": "pictures",
    "sentiment": "texts",
    "detect_language": "texts",
    "key_phrases": "texts",
    "translate": "texts",
    "speech_to_text": "sound",
}
"""The operations that a chat model answers, and the module with the flow of each, which has the operation's name.

It takes the vendor, the input and all options. It is loaded when it is first used, for most programs ask no chat model.
"""
FEATURES: tuple[Feature, ...] = ("caption", "dense_captions", "tags", "objects", "text", "safety", "faces")
"""The features that a chat model can look for in a picture; objects only where it gives boxes."""
NOTES: Mapping[str, str] = {
    "analyze_image": "captions and tags in any language; no confidence",
    "detect_faces": "expressions as likelihoods, which are guesses about appearance; the boxes are a detector's",
    "estimate_age": "a range for each face, which is a guess about appearance; the boxes are a detector's",
    "read_text": "lines without positions",
    "sentiment": "label and score of the text and its sentences; no confidence",
    "detect_language": "no confidence",
    "key_phrases": "phrases of the text, without relevance",
    "translate": "by one prompt for all languages",
    "speech_to_text": "sentences without times",
}
UNIT = "token; how many there will be is not known beforehand"
FACES = "8 faces in a request; how many a picture has, and so how many requests it takes, is not known beforehand"
LIMITS: Mapping[str, str] = {
    "analyze_image": f"faces: {FACES}",
    "detect_faces": FACES,
    "estimate_age": FACES,
    "sentiment": "50,000 characters and 1,120 sentences of a text",
    "key_phrases": "50,000 characters of a text",
    "translate": "9,333 characters in a request for one language; longer texts are split",
}


def generative(needs: str, page: str, checked: str, without: tuple[str, ...] = ()) -> dict[str, Capability]:
    """Return what a vendor's chat model answers.

    Args:
        needs: The name of the service, and what has to be set: "gemini: GEMINI_API_KEY".
        page: The vendor's page.
        checked: The ISO date on which it was read.
        without: The operations that the vendor's models do not answer.
    """
    return {
        operation: Capability(
            operation,
            "open",
            NOTES[operation],
            needs,
            page=page,
            checked=checked,
            unit=UNIT,
            limits=LIMITS.get(operation, ""),
        )
        for operation in FLOWS
        if operation not in without
    }


class Generative(Provider):
    """A provider with a chat model. It stands before the classes of the classic services.

    A call for the chat model has the settings of that model before its first request goes out, also where that request
    is for a classic service, because the vendor's detector finds the faces.
    """

    chat_name: ClassVar[str]
    chat_service: ClassVar[str]
    """The name of the service in requests: "gemini"."""
    chat_pictures: ClassVar[ImageLimits]
    chat_sounds: ClassVar[AudioLimits | None] = None
    chat_boxes: ClassVar[bool] = False
    chat_detector: ClassVar[str] = ""
    """The vendor's own service that finds faces; "" where it has none."""

    def chat(self, prompt: Prompt) -> Flow[Reply]:
        """Send a prompt to the model, and return its answer; see `Chat`."""
        raise NotImplementedError

    def chat_model(self) -> str:
        """Return the model that is asked, or "" where none is set."""
        raise NotImplementedError

    def chat_address(self) -> str:
        """Return the address of the model, or its beginning."""
        vendor: Any = self  # the vendor's other base class knows its addresses
        address: str = vendor.base(self.chat_service)
        return address

    def require_chat(self, *, asked: bool) -> None:
        """Check that the chat model is set up.

        Args:
            asked: Whether the caller asks for the chat model. Then settings of all services serve it too; else only
                those of the chat model itself, so that nothing goes to it because of a key for something else.

        Raises:
            SettingsError: A setting is missing; the text says what to set.
            MissingExtraError: The package for a login is not installed.
        """
        raise NotImplementedError

    def has_classic(self, operation: str) -> bool:
        """Return whether a classic service carries out an operation with the settings in code."""
        kind: Any = type(self)
        return _is_classic(kind, operation)

    def method_of(self, operation: str, method: Method | None) -> Method:
        """Return "generative" where the caller asks for it, or no classic service has the operation."""
        # The classic service goes first: a key must not send a picture to a chat model unless somebody asks for that.
        answers = operation in self.generative and method != "classic"
        if answers and (method == "generative" or not self.has_classic(operation)):
            return "generative"
        return super().method_of(operation, method)

    def generated(self, operation: str, given: Any, options: Mapping[str, Any], method: Method | None) -> Flow[Any]:
        """Return the flow by which the chat model carries out an operation."""
        # The engine asks for a token later, and knows nothing of methods: the call remembers for whom it is.
        if (cache := getattr(self, "_call_cache", None)) is not None:
            cache[CHAT] = operation, method == "generative"
        module = import_module(f"cloudai.providers._generative.{FLOWS[operation]}")
        flow: Flow[Any] = getattr(module, operation)(self, given, **options)
        return flow

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token for a service, or None where a key serves it.

        The engine asks this before each request. In a call for the chat model that has to be set up by then.
        """
        if CHAT in getattr(self, "_call_cache", ()):
            self._require_ready()
        return super().token(service)

    def _require_ready(self) -> None:
        """Check that the chat model is set up, if the call is for it.

        Raises:
            SettingsError: It is not, and the caller asks for it.
            UnsupportedOperationError: It is not, and no classic service has the operation.
            MissingExtraError: The package for a login is not installed.
        """
        operation, asked = getattr(self, "_call_cache", {}).get(CHAT, (None, False))
        if operation is None:
            return
        if asked:
            self.require_chat(asked=True)
        # Where nobody asked for the chat model, the error says first that no classic service can, and then what would.
        elif problem := self.missing(operation):
            note = self._capability(operation).note
            told = f"{problem} {who_can(operation)}"
            raise UnsupportedOperationError(
                f"{operation} is not available{f': {note}' if note else ''}",
                advice=f"{self.chat_name} answers once it is set up: {told}",
            )

    def missing(self, operation: str | None = None) -> str | None:
        """Return what is missing for an operation, which the chat model may answer; None where nothing is."""
        if operation in self.generative and operation and not self.has_classic(operation):
            return self.chat_missing(asked=False)
        return super().missing(operation)

    def chat_missing(self, *, asked: bool) -> str | None:
        """Return what the chat model lacks, as a sentence; None where it can be asked; see `require_chat`."""
        try:
            self.require_chat(asked=asked)
        except (SettingsError, MissingExtraError) as error:
            return str(error)
        return None

    def generative_missing(self) -> str | None:
        """Return what the chat model lacks where the caller asks for it; None where it can be asked."""
        return self.chat_missing(asked=True)

    def generative_variant(self, operation: str) -> str:
        """Return the model that is set and the version of the prompt: other ones give other answers."""
        return f"generative {self.chat_model()} {operation}/{VERSIONS[operation]}"

    def generative_features(self) -> tuple[Feature, ...]:
        """Return what the model can look for in a picture."""
        return tuple(feature for feature in FEATURES if self.chat_boxes or feature != "objects")

    def features(self) -> tuple[Feature, ...]:
        """Return what `analyze_image` looks for where no method is named."""
        return super().features() if self.has_classic("analyze_image") else self.generative_features()

    def generative_requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests one input takes: faces are found by the vendor's own detector where it has one."""
        if not _is_about_faces(operation, options):
            return 1
        others = operation == "analyze_image" and set(options["features"]) != {"faces"}
        return others + 1 + self.detects_faces()

    def generative_hosts(self, operation: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the host of the model, after that of the vendor's detector where faces are asked for."""
        vendor: Any = self
        detects = _is_about_faces(operation, options) and self.detects_faces()
        addresses = [*([vendor.base(self.chat_detector)] if detects else []), self.chat_address()]
        return [urlsplit(address).hostname or "" for address in addresses]

    def generative_parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent: a translation is made in parts where it is long."""
        if operation != "translate":
            return super().generative_parts(operation, text, options)
        from cloudai.providers._generative.texts import parts_of  # loaded only where a chat model is asked

        return [part for part in parts_of(text, options["to"]) if part.strip()]

    def detects_faces(self) -> bool:
        """Return whether the vendor's own detector finds the faces.

        It does not where there is none, and where the chat model is set up and the detector is not.
        """
        if not self.has_classic("detect_faces"):
            return False
        # Where neither is set up, the error is to be about the vendor's own service, and not about this machine.
        return super().missing("detect_faces") is None or self.chat_missing(asked=True) is not None

    def faces_in(self, image: Image, max_faces: int) -> Flow[Faces]:
        """Return the faces that the vendor's detector finds in a picture, or else that of this machine."""
        options: dict[str, Any] = {"landmarks": False, "attributes": (), "max_faces": max_faces}
        if self.detects_faces():
            return (yield from _without_extras(self.detect_faces(image, **options)))
        if image.is_recalled:
            raise InputError(
                f"{image.name} itself is not kept, and its faces are found on this machine",
                advice="Give the file again.",
            )
        if not getattr(self, "_call_cache", {}).get(OFFLINE):
            self._require_ready()  # no request may follow, if there is no face
        local = find("local")()
        if not image.is_draft:
            return (yield from local.detect_faces(image, **options))
        # A plan says what is sent for a picture with a face. To look for one takes as long as the call itself.
        if local.missing("detect_faces"):
            raise MissingExtraError("finding faces on this machine", "local")
        yield from call(image.look)
        return Faces(faces=(Face(box=Box(x=0, y=0, width=1, height=1)),))


def _without_extras(flow: Flow[Faces]) -> Flow[Faces]:
    """Carry out the flow of a detector without what the user gives as ``extra=``, which is meant for the chat model."""
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            step = flow.throw(failure) if failure else flow.send(answer)
        except StopIteration as stop:
            detected: Faces = stop.value
            return detected
        answer, failure = None, None
        try:
            answer = yield step.altered(takes_extras=False) if isinstance(step, Request) else step
        except BaseException as error:  # noqa: BLE001  # also a cancellation: the flow's `finally` must run
            failure = error


def _is_about_faces(operation: str, options: Mapping[str, Any]) -> bool:
    """Return whether an operation with these options looks for faces."""
    if operation == "analyze_image":
        return "faces" in (options["features"] or ())
    return operation in ("detect_faces", "estimate_age")


@lru_cache(maxsize=256)
def _is_classic(kind: Any, operation: str) -> bool:
    """Return whether a class declares a classic service for an operation; most calls ask this."""
    return bool(kind.capabilities()[operation].has_classic)


CHAT = "the operation of a call for the chat model, and whether the caller asks for the model"
"""The key of this in the cache of a call."""

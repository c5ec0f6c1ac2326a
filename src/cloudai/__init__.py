"""cloudai is one Python interface to cloud vision, language and speech, and to an offline engine.

    import cloudai

    with cloudai.Client("local") as client:              # or "azure", "google", "watson": change one word
        for face in client.detect_faces("team.jpg"):
            print(face.box, face.confidence)

Emotions and ages are guesses about appearance; nobody is ever named.
"""

from __future__ import annotations

from cloudai._version import __version__

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from typing import Any

    from cloudai.async_client import AsyncClient
    from cloudai.batch.batch import AsyncBatch, Batch
    from cloudai.batch.parts import Part
    from cloudai.batch.plan import Plan
    from cloudai.batch.shared.keeper import Keeper, share
    from cloudai.client import Client
    from cloudai.core.call import Event
    from cloudai.core.flow import Blob, Flow, Request, Response
    from cloudai.core.urls import FetchRules
    from cloudai.errors import (
        AuthError,
        BadRequestError,
        BlockedError,
        CloudAIError,
        ConnectError,
        ConnectionLostError,
        ContractError,
        DeadlineExceededError,
        EmptyAnswerError,
        FetchError,
        ForbiddenError,
        InputError,
        JournalError,
        MalformedResponseError,
        MissingExtraError,
        NeedsImageError,
        NoAnswerError,
        NotStartedError,
        OutputError,
        PausedError,
        RateLimitedError,
        RedirectBlockedError,
        RefusedError,
        ReplayError,
        ResponseTooLargeError,
        ServerError,
        ServiceError,
        SettingsError,
        TimeLimitError,
        TLSError,
        TooEarlyError,
        TooLargeError,
        ToolCallError,
        TruncatedError,
        UnavailableError,
        UnsupportedMediaError,
        UnsupportedOperationError,
    )
    from cloudai.media.video import Frame, Frames, frames
    from cloudai.models.base import Box, Level, Meta, Point, Usage
    from cloudai.models.dictionary import Dictionary
    from cloudai.models.face import Ages, Face, Faces
    from cloudai.models.image import ImageAnalysis, Text
    from cloudai.models.speech import Speech, Transcript
    from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
    from cloudai.models.voice import Voice, Voices
    from cloudai.options import CallOptions
    from cloudai.outcomes import Outcome, tidy
    from cloudai.providers.azure import Azure
    from cloudai.providers.base import Capability, Provider, Retirement
    from cloudai.providers.google import Google
    from cloudai.providers.local import Local
    from cloudai.providers.registry import find, names
    from cloudai.providers.retirements import capabilities, retirements
    from cloudai.providers.settings import Resource
    from cloudai.providers.watson import Watson
    from cloudai.reading import read_table
    from cloudai.report.plots.plotting import Plot, plot
    from cloudai.table import Table
    from cloudai.tracking import track

__all__ = [
    "Ages",
    "AsyncBatch",
    "AsyncClient",
    "AuthError",
    "Azure",
    "BadRequestError",
    "Batch",
    "Blob",
    "BlockedError",
    "Box",
    "CallOptions",
    "Capability",
    "Client",
    "CloudAIError",
    "ConnectError",
    "ConnectionLostError",
    "ContractError",
    "DeadlineExceededError",
    "Dictionary",
    "EmptyAnswerError",
    "Event",
    "Face",
    "Faces",
    "FetchError",
    "FetchRules",
    "Flow",
    "ForbiddenError",
    "Frame",
    "Frames",
    "Google",
    "ImageAnalysis",
    "InputError",
    "JournalError",
    "Keeper",
    "KeyPhrases",
    "Language",
    "Level",
    "Local",
    "MalformedResponseError",
    "Meta",
    "MissingExtraError",
    "NeedsImageError",
    "NoAnswerError",
    "NotStartedError",
    "Outcome",
    "OutputError",
    "Part",
    "PausedError",
    "Plan",
    "Plot",
    "Point",
    "Provider",
    "RateLimitedError",
    "RedirectBlockedError",
    "RefusedError",
    "ReplayError",
    "Request",
    "Resource",
    "Response",
    "ResponseTooLargeError",
    "Retirement",
    "Sentiment",
    "ServerError",
    "ServiceError",
    "SettingsError",
    "Speech",
    "TLSError",
    "Table",
    "Text",
    "TimeLimitError",
    "TooEarlyError",
    "TooLargeError",
    "ToolCallError",
    "Transcript",
    "Translation",
    "TruncatedError",
    "UnavailableError",
    "UnsupportedMediaError",
    "UnsupportedOperationError",
    "Usage",
    "Voice",
    "Voices",
    "Watson",
    "__version__",
    "capabilities",
    "find",
    "frames",
    "names",
    "plot",
    "read_table",
    "retirements",
    "share",
    "tidy",
    "track",
]

_EXPORTS = {
    "cloudai.batch.batch": ("AsyncBatch", "Batch"),
    "cloudai.batch.parts": ("Part",),
    "cloudai.batch.plan": ("Plan",),
    "cloudai.batch.shared.keeper": ("Keeper", "share"),
    "cloudai.async_client": ("AsyncClient",),
    "cloudai.client": ("Client",),
    "cloudai.core.call": ("Event",),
    "cloudai.core.flow": ("Blob", "Flow", "Request", "Response"),
    "cloudai.core.urls": ("FetchRules",),
    "cloudai.errors": (
        "AuthError",
        "BadRequestError",
        "BlockedError",
        "CloudAIError",
        "ConnectError",
        "ConnectionLostError",
        "ContractError",
        "DeadlineExceededError",
        "EmptyAnswerError",
        "FetchError",
        "ForbiddenError",
        "InputError",
        "JournalError",
        "MalformedResponseError",
        "MissingExtraError",
        "NeedsImageError",
        "NoAnswerError",
        "NotStartedError",
        "OutputError",
        "PausedError",
        "RateLimitedError",
        "RedirectBlockedError",
        "RefusedError",
        "ReplayError",
        "ResponseTooLargeError",
        "ServerError",
        "ServiceError",
        "SettingsError",
        "TimeLimitError",
        "TLSError",
        "TooEarlyError",
        "TooLargeError",
        "ToolCallError",
        "TruncatedError",
        "UnavailableError",
        "UnsupportedMediaError",
        "UnsupportedOperationError",
    ),
    "cloudai.media.video": ("Frame", "Frames", "frames"),
    "cloudai.models.base": ("Box", "Level", "Meta", "Point", "Usage"),
    "cloudai.models.dictionary": ("Dictionary",),
    "cloudai.models.face": ("Ages", "Face", "Faces"),
    "cloudai.models.image": ("ImageAnalysis", "Text"),
    "cloudai.models.speech": ("Speech", "Transcript"),
    "cloudai.models.text": ("KeyPhrases", "Language", "Sentiment", "Translation"),
    "cloudai.models.voice": ("Voice", "Voices"),
    "cloudai.options": ("CallOptions",),
    "cloudai.outcomes": ("Outcome", "tidy"),
    "cloudai.providers.azure": ("Azure",),
    "cloudai.providers.base": ("Capability", "Provider", "Retirement"),
    "cloudai.providers.google": ("Google",),
    "cloudai.providers.local": ("Local",),
    "cloudai.providers.registry": ("find", "names"),
    "cloudai.providers.retirements": ("capabilities", "retirements"),
    "cloudai.providers.settings": ("Resource",),
    "cloudai.providers.watson": ("Watson",),
    "cloudai.reading": ("read_table",),
    "cloudai.report.plots.plotting": ("Plot", "plot"),
    "cloudai.table": ("Table",),
    "cloudai.tracking": ("track",),
}
"""The public names by the module that has them. Each is loaded when it is first used, for most programs need few."""
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name, or a public module, when it is first used."""
    from importlib import import_module, util

    if name in _MODULE_OF:
        # Python calls this function only for names that the module lacks, so a name which was loaded once costs
        # nothing.
        thing = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
        return thing
    if not name.startswith("_") and util.find_spec(f"cloudai.{name}"):
        return import_module(f"cloudai.{name}")
    raise AttributeError(f"module 'cloudai' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

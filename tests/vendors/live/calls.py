"""The smallest paid call of each operation of each provider, and the committed replies it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cloudai import Client, CloudAIError, Provider, Request
from cloudai.cli.demo import sample_photos
from cloudai.options import complete
from cloudai.testing import Cassette, Script
from tests.support.paths import EXAMPLES
from tests.support.played import FIXTURES, GREETING, PICTURE
from tests.vendors.live.drift import Shape

__all__ = ["PAID", "Paid"]

OF_PLUGIN = EXAMPLES / "provider_plugin" / "tests" / "fixtures"
CHATS = FIXTURES / "generative"
WORD = "좋아요."
HOPPER = dict(sample_photos())["Grace Hopper"]
GENERATIVE = {"method": "generative"}


@dataclass(frozen=True)
class Paid:
    """A paid call, and the committed replies that it is held against."""

    provider: str
    operation: str
    given: Any
    what: str
    """The units that the vendor counts, in words."""
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = FIXTURES

    def __str__(self) -> str:
        return " ".join(filter(None, [self.provider, self.operation, self.method]))

    @property
    def method(self) -> str | None:
        """The kind of service that the call asks for; None leaves that to the provider."""
        return self.options.get("method")

    def lacking(self, provider: Provider) -> str | None:
        """Return what has to be set for the call, or None."""
        if self.method == "generative":
            return provider.generative_missing()
        return None if provider.supports(self.operation) else provider.missing(self.operation)

    def ask(self, client: Client) -> Any:
        """Make the call."""
        return getattr(client, self.operation)(self.given, **self.options)

    def first_request(self, provider: Provider) -> Request:
        """Return what would be sent first; no key is looked up, and nothing sent."""
        script = Script()
        try:
            with Client(provider, send=script, offline=True) as client:
                self.ask(client)
        except CloudAIError:
            if not script.requests:
                raise
        return script.requests[0]

    def hosts(self, provider: Provider) -> Sequence[str]:
        """Return the hosts that a chat model and the detector before it have; none where no chat model answers."""
        method: Any = self.method
        if provider.method_of(self.operation, method) == "classic":
            return ()
        return provider.generative_hosts(self.operation, complete(self.operation, {**self.options, "method": method}))

    def committed(self, urls: set[str]) -> Shape:
        """Return the good replies in the committed cassettes of this operation, from these addresses."""
        folder = self.folder if self.folder == OF_PLUGIN else self.folder / self.provider
        held = [e for path in sorted(folder.glob(f"{self.operation}-*.json")) for e in Cassette.load(path).exchanges]
        good = [e for e in held if e.response.status < 300]
        return Shape(e.response.body for e in good if urlsplit(e.request.url).path in urls)


PAID = (
    Paid("azure", "analyze_image", PICTURE, "1 picture", {"features": ["tags"]}),
    Paid("azure", "detect_faces", PICTURE, "1 picture"),
    Paid("azure", "estimate_age", PICTURE, "1 picture"),
    Paid("azure", "read_text", PICTURE, "1 picture"),
    Paid("azure", "sentiment", WORD, "1 text", {"language": "ko"}),
    Paid("azure", "detect_language", WORD, "1 text"),
    Paid("azure", "key_phrases", WORD, "1 text", {"language": "ko"}),
    Paid("azure", "translate", WORD, "4 characters", {"to": "en", "source": "ko"}),
    Paid("azure", "dictionary", "soup", "4 characters", {"source": "en", "to": "ko", "examples": False}),
    Paid("azure", "text_to_speech", WORD, "4 characters"),
    Paid("azure", "speech_to_text", GREETING, "1 second", {"language": "ko"}),
    Paid("google", "analyze_image", PICTURE, "1 picture", {"features": ["tags"]}),
    Paid("google", "detect_faces", PICTURE, "1 picture"),
    Paid("google", "read_text", PICTURE, "1 picture"),
    Paid("google", "sentiment", WORD, "1 text", {"language": "ko"}),
    Paid("google", "detect_language", WORD, "4 characters"),
    Paid("google", "key_phrases", WORD, "1 text", {"language": "ko"}),
    Paid("google", "translate", WORD, "4 characters", {"to": "en", "source": "ko"}),
    Paid("google", "text_to_speech", WORD, "4 characters"),
    Paid("google", "speech_to_text", GREETING, "1 second", {"language": "ko"}),
    Paid("watson", "sentiment", WORD, "1 text", {"language": "ko"}),
    Paid("watson", "detect_language", "오늘은 김밥을 먹었어요. 참 맛있었어요.", "1 text"),
    Paid("watson", "key_phrases", WORD, "1 text", {"language": "ko"}),
    Paid("watson", "text_to_speech", WORD, "4 characters"),
    Paid("watson", "speech_to_text", GREETING, "1 second", {"language": "ko"}),
    *(
        Paid(provider, operation, given, what, {**GENERATIVE, **options}, CHATS)
        for provider, operation, given, what, options in (
            ("azure", "analyze_image", PICTURE, "1 prompt with a picture", {"features": ["caption"], "language": "ko"}),
            ("azure", "estimate_age", HOPPER, "1 picture, 1 prompt", {}),
            ("azure", "sentiment", WORD, "1 prompt", {}),
            (
                "google",
                "analyze_image",
                PICTURE,
                "1 prompt with a picture",
                {"features": ["caption"], "language": "ko"},
            ),
            ("google", "estimate_age", HOPPER, "1 picture, 1 prompt", {}),
            ("google", "sentiment", WORD, "1 prompt", {}),
            (
                "watson",
                "analyze_image",
                PICTURE,
                "1 prompt with a picture",
                {"features": ["caption"], "language": "ko"},
            ),
            ("watson", "detect_faces", HOPPER, "1 prompt with a picture", {}),
            ("watson", "estimate_age", HOPPER, "1 prompt with a picture", {}),
            ("watson", "read_text", PICTURE, "1 prompt with a picture", {}),
            ("watson", "sentiment", WORD, "1 prompt", {}),
            ("watson", "translate", WORD, "1 prompt", {"to": "en"}),
        )
    ),
    Paid("rekognition", "analyze_image", PICTURE, "1 picture", folder=OF_PLUGIN),
    Paid("rekognition", "detect_faces", PICTURE, "1 picture", folder=OF_PLUGIN),
    Paid("rekognition", "estimate_age", PICTURE, "1 picture", folder=OF_PLUGIN),
    Paid("rekognition", "read_text", PICTURE, "1 picture", folder=OF_PLUGIN),
)

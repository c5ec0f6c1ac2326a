"""The operations of Google Cloud Translation: `translate` and `detect_language`.

They go to v3 where there is a login and a project, which v3 needs, and else to v2.

https://cloud.google.com/translate/docs/reference/rest
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, Field, model_validator

from cloudai.core.flow import Flow, Request, Response
from cloudai.languages import tag
from cloudai.models.base import Meta
from cloudai.models.text import UNDECIDED, Language, Translated, Translation
from cloudai.providers._parts import beginning, framed, parts
from cloudai.providers._together import TextsTogether, only_reply
from cloudai.providers._translating import codes_of, languages_of, require_whole, spelled
from cloudai.providers.base import capability
from cloudai.providers.google._service import GoogleService
from cloudai.providers.wire import Wire

__all__ = ["Translate"]

MOST_3, MOST_TEXTS_3 = 30_000, 1_024
"""The most code points, and the most texts, in a request to v3.

https://cloud.google.com/translate/quotas#content-limit
"""
MOST_2, MOST_TEXTS_2 = 100_000, 128
"""The most bytes, and the most texts, in a request to v2; see the page above.

https://cloud.google.com/translate/docs/reference/rest/v2/translate#query-parameters
"""
# The limit holds for the whole body, which has the codes of the languages beside the texts.
FRAME_2 = 1_000
"""Bytes of a request to v2 that are not its texts, by a generous estimate."""
LANGUAGES = {"zh": "zh-CN", "zh-Hant": "zh-TW", "nb": "no", "nn": "no"}
"""The codes that the service spells otherwise than we do: https://cloud.google.com/translate/docs/languages"""
WITH_REGION = {"pt-pt": "pt-PT", "fr-ca": "fr-CA"}
"""The languages of which the service tells the regions apart."""


def code_of(language: str) -> str:
    """Return the code of a language as the service spells it."""
    return spelled(language, LANGUAGES, WITH_REGION)


def _bytes(text: str) -> int:
    """Return how many bytes a text has in a request to v2, with its quotes and a comma."""
    # A quotation mark and a line break take two bytes in JSON.
    return len(json.dumps(text, ensure_ascii=False).encode()) + 1


TOGETHER_2 = TextsTogether(
    MOST_TEXTS_2, MOST_2 - FRAME_2, lambda request: _bytes(request.json["q"][0]), ("q",), ("data", "translations")
)
DETECT_TOGETHER_2 = TextsTogether(
    MOST_TEXTS_2, MOST_2 - FRAME_2, lambda request: _bytes(request.json["q"][0]), ("q",), ("data", "detections")
)
TOGETHER_3 = TextsTogether(
    MOST_TEXTS_3, MOST_3, lambda request: len(request.json["contents"][0]), ("contents",), ("translations",)
)
FREE = {"unit": "character", "unit_size": 1, "free_units": 500_000}
"""The unit that Google bills, its size, and how many are free: https://cloud.google.com/translate/pricing"""


class Translate(GoogleService):
    """The operations that go from one language to another, and the detection of a language."""

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs fit into one request; v3 detects the language of one text at a time."""
        if operation == "translate":
            return MOST_TEXTS_3 if self._translation_project() else MOST_TEXTS_2
        if operation == "detect_language":
            return 1 if self._translation_project() else MOST_TEXTS_2
        return super().max_per_request(operation)

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests an input takes: one for each language that it is translated into."""
        # Unlike Azure's, a request of Google's names one target.
        if operation != "translate":
            return super().requests(operation, options)
        return len(codes_of(languages_of(options["to"]), code_of))

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        if operation != "translate":
            return super().parts(operation, text, options)
        return [part for part in self._parts(text) if part.strip()]

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the settings that change the answer; v3 answers otherwise than v2."""
        v3 = operation in ("translate", "detect_language") and self._translation_project()
        return {**super().cache_scope(operation), **({"api": "v3"} if v3 else {})}

    def _translation_project(self) -> str | None:
        """Return the project for v3, or None where v2 is to be used: v3 takes no API keys."""
        # A key goes before a project of the environment: v3 takes no keys, so whoever has one is answered by v2.
        return None if self._key() else self.setting("project")

    def _parts(self, text: str) -> list[str]:
        """Return a text in parts that go into one request each."""
        return parts(text, MOST_3) if self._translation_project() else parts(text, MOST_2 - FRAME_2, _bytes)

    @capability(
        "open",
        needs="an API key or a login; v3: a login and a project",
        page="https://cloud.google.com/translate/docs/overview",
        checked="2026-11-27",
        note="v3 with a login and a project, else v2; a request for each language",
        limits="30,000 characters and 1,024 texts in a request to v3, 100,000 bytes and 128 texts in one to v2; longer "
        "texts are split",
        **FREE,
    )
    def translate(self, text: str, *, to: str | Sequence[str], source: str | None, html: bool) -> Flow[Translation]:
        """Translate a text into one or several languages, by a request for each of its parts and each language."""
        targets = languages_of(to)
        pieces = self._parts(text)
        require_whole(pieces, html=html)
        codes = codes_of(targets, code_of)
        new_by_code: dict[str, str] = {}
        detected, model = None, None
        for code in codes:
            joined = ""
            for piece in pieces:
                before, words, after = framed(piece) if len(pieces) > 1 else ("", piece, "")
                new = ""
                if words:
                    response: Response = yield self._translation(words, code, source, html)
                    reply = only_reply(response.parse(TranslateReply).translations)
                    new = reply.translated_text
                    detected, model = detected or reply.detected, model or reply.model
                joined = f"{joined}{before}{new}{after}"
            new_by_code[code] = joined
        # Each target has a reply of its own, which names the language of the text. The first one decides.
        language = tag(detected) if detected and not source else None
        first, *others = (Translated(text=new_by_code[code_of(each)], to=each) for each in targets)
        return Translation(
            text=first.text,
            to=first.to,
            source=source or language,
            detected=language,
            others=tuple(others),
            parts=len(pieces) if len(pieces) > 1 else None,
            meta=Meta(model=model or None, language_sent=",".join(codes)),
        )

    def _translation(self, text: str, code: str, source: str | None, html: bool) -> Request:
        """Return the request that has a text translated into one language."""
        project = self._translation_project()
        if project:
            given = {"sourceLanguageCode": code_of(source)} if source else {}
            kind = "text/html" if html else "text/plain"
            body = {"contents": [text], "mimeType": kind, "targetLanguageCode": code, **given}
            return self._request(self._method(project, "translateText"), body, len(text), TOGETHER_3)
        given = {"source": code_of(source)} if source else {}
        # By default the service takes the text for HTML, and writes "&#39;" for an apostrophe.
        body = {"q": [text], "target": code, "format": "html" if html else "text", **given}
        return self._request(V2, body, len(text), TOGETHER_2)

    @capability(
        "open",
        needs="an API key or a login; v3: a login and a project",
        page="https://cloud.google.com/translate/docs/advanced/detecting-language-v3",
        checked="2026-11-27",
        note="v3 with a login and a project, else v2",
        limits="30,000 characters of a text for v3, 100,000 bytes for v2; a request has one text, or 128 for v2",
        **FREE,
    )
    def detect_language(self, text: str) -> Flow[Language]:
        """Say which language a text is written in; the service itself says "und" where it cannot tell."""
        if project := self._translation_project():
            begin, prepared = beginning(text, MOST_3)
            body: dict[str, Any] = {"content": begin, "mimeType": "text/plain"}
            path = self._method(project, "detectLanguage")
            response: Response = yield self._request(path, body, len(begin))
            languages = response.parse(DetectReply3).languages
        else:
            begin, prepared = beginning(text, MOST_2 - FRAME_2, _bytes)
            response = yield self._request(f"{V2}/detect", {"q": [begin]}, len(begin), DETECT_TOGETHER_2)
            languages = only_reply(response.parse(DetectReply2).data.detections)
        best = max(languages, key=lambda each: each.confidence or 0, default=None)
        code = tag(best.code) if best else UNDECIDED
        return Language(
            code=code,
            confidence=best.confidence if best and code != UNDECIDED else None,
            meta=Meta(prepared=prepared),
        )

    def _method(self, project: str, method: str) -> str:
        """Return the path of a method of v3."""
        return f"/v3/projects/{project}/locations/global:{method}"

    def _request(self, path: str, body: Mapping[str, Any], units: int, merge: TextsTogether | None = None) -> Request:
        """Return a request to the service about one text, of which each character is counted."""
        return Request(
            "POST",
            f"{self.base('translation')}{path}",
            service="translation",
            api="v2" if path.startswith(V2) else "v3",
            endpoint=self.endpoint_of("translation"),
            json=body,
            billed=units,
            merge=merge,
        )


V2 = "/language/translate/v2"


class WireTranslation(Wire):
    """A translation. The code of the language is missing where it was given; v3 leaves out a text that is empty."""

    translated_text: str = ""
    detected: str | None = Field(
        default=None, validation_alias=AliasChoices("detectedLanguageCode", "detectedSourceLanguage")
    )
    model: str | None = None


class TranslateReply(Wire):
    """The translations, which v2 has in an object ``data``."""

    translations: list[WireTranslation]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return data["data"] if isinstance(data, dict) and "data" in data else data


class WireLanguage(Wire):
    """A language that a text may be in; v2 calls its code ``language``."""

    code: str = Field(validation_alias=AliasChoices("languageCode", "language"))
    confidence: float | None = None


class DetectReply3(Wire):
    """The languages of one text; the list is missing where there is none."""

    languages: list[WireLanguage] = Field(default_factory=list)


class Detections(Wire):
    detections: list[list[WireLanguage]]


class DetectReply2(Wire):
    """The languages of several texts, for each of which there is a list."""

    data: Detections

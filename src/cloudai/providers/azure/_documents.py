"""Azure Language analyses texts as documents of a request to ``:analyze-text``; all kinds of analysis share this.

https://learn.microsoft.com/rest/api/language/text-analysis-runtime/analyze-text
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import AliasChoices, Field, model_validator

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import InputError, MalformedResponseError, ServiceError
from cloudai.languages import base, tag
from cloudai.providers._parts import graphemes
from cloudai.providers._together import only_reply
from cloudai.providers.azure._service import AzureService, fault_inside
from cloudai.providers.replies import inside
from cloudai.providers.wire import Wire

__all__ = [
    "ANALYZE_TOGETHER",
    "DETECT_TOGETHER",
    "MOST_TEXT",
    "AnalyzeTogether",
    "DetectionReply",
    "Documents",
    "Results",
    "code_of",
    "detected_tag",
    "require_short",
]

D = TypeVar("D")

API = "2023-04-01"
MOST_TEXT = 5_120
"""The most text elements in one document, as .NET counts them (``StringInfo.LengthInTextElements``): graphemes.

https://learn.microsoft.com/azure/ai-services/language-service/concepts/data-limits
"""
UNKNOWN = "(Unknown)"
"""The code that language detection gives where a text has no words, or none of a language it knows."""
LANGUAGES = {"zh": "zh-Hans", "pt": "pt-BR", "nb": "no", "nn": "no"}
"""The codes that the service spells otherwise than we do; it also has to be told which Portuguese is meant."""
ONLY = "0"
"""The id of a document that is the only one in its request."""
MOST_JSON = 1_000_000
"""The most bytes in one request; see the page above."""


def require_short(text: str) -> None:
    """Raise InputError for a text that is longer than one document may be."""
    # No text has more graphemes than code points, so short texts need not be counted.
    size = graphemes(text) if len(text) > MOST_TEXT else len(text)
    if size > MOST_TEXT:
        raise InputError(f"the text has {size:,} characters, and Azure takes {MOST_TEXT:,}", advice="Send it in parts.")


def code_of(language: str | None) -> str | None:
    """Return the code of a language as Azure spells it, or None if none is named."""
    if not language:
        return None
    # Portuguese is the only language whose region the service tells apart.
    if language.replace("_", "-").lower() == "pt-pt":
        return "pt-PT"
    short = base(language)
    return LANGUAGES.get(short, short)


def detected_tag(code: str) -> str | None:
    """Return the code of a detected language in BCP-47 ("zh-Hans" for "zh_chs"), or None where none was told."""
    return None if not code or code == UNKNOWN else tag(code)


class Documents(AzureService):
    """The requests that have one text analysed."""

    def _detected(self, text: str) -> Flow[tuple[str | None, Response | None]]:
        """Return the code of the language of a text, or None where the service finds none.

        The second value is None, unless a journal has the reply of a version of cloudai that asked for the sentiment at
        once: then it is that reply, which is paid for.
        """
        request = self._detection(text, "sentiment", ANALYZE_TOGETHER)
        # The user's extra= is meant for the analysis, which is the second request.
        response: Response = yield replace(request, takes_extras=False)
        # A journal finds a reply by its step in the call, and not by what was asked.
        if response.replayed and inside(response.json(), "kind") == "SentimentAnalysisResults":
            return None, response
        results = response.parse(DetectionReply).results
        return detected_tag(self._only_document(results).detected_language.iso6391_name), None

    def _detection(self, text: str, operation: str, merge: AnalyzeTogether) -> Request:
        """Return the request that has the language of a text detected."""
        # An empty hint is no hint; without it the service leans towards the languages of the United States.
        document = {"id": ONLY, "text": text, "countryHint": ""}
        return self._analyze("LanguageDetection", document, {}, self.units(operation, text), merge)

    def _analyze(
        self,
        kind: str,
        document: Mapping[str, str],
        parameters: Mapping[str, Any],
        units: int,
        merge: AnalyzeTogether | None = None,
    ) -> Request:
        """Return the request that has one document analysed."""
        return Request(
            "POST",
            f"{self.base('language')}/language/:analyze-text",
            service="language",
            api=API,
            endpoint=self.base("language"),
            params={"api-version": API},
            json={
                "kind": kind,
                # The model that answered stands in the reply, and in `Meta.model`.
                "parameters": {"modelVersion": "latest", **parameters},
                "analysisInput": {"documents": [document]},
            },
            billed=units,
            merge=merge or ANALYZE_TOGETHER,
            error_in=self._error_in,
        )

    def _only_document(self, results: Results[D]) -> D:
        """Return the result of the one text that was sent, or raise the error that came in its place."""
        # A failed text is an error inside a reply of status 200.
        for failure in results.errors:
            raise self.error_from(fault_inside(failure.error), 200)
        return only_reply(results.documents)

    def _error_in(self, response: Response) -> ServiceError | None:
        """Return the error of the one text of a request that a reply of status 200 holds, or None."""
        error = inside(response.json(), "results", "errors", 0, "error")
        return self.error_from(fault_inside(error), 200) if isinstance(error, dict) else None


@dataclass(frozen=True)
class AnalyzeTogether:
    """The rule by which the requests of several texts go out as one: ten, or a thousand for language detection.

    The service tells the documents of a request apart by their ids. One that fails does not fail the others.
    """

    limit: int = 10
    most: ClassVar[int] = MOST_JSON

    def key(self, request: Request) -> object:
        """Return a key that is the same for requests to one address for one kind of analysis."""
        given = request.json["analysisInput"]
        if not isinstance(given, Mapping) or len(given.get("documents") or ()) != 1:
            return object()  # extra= has changed the body, so it is merged with no other request
        rest = {**request.json, "analysisInput": {name: part for name, part in given.items() if name != "documents"}}
        return *request.addressed, json.dumps(rest, sort_keys=True)

    def slots(self, requests: Sequence[Request]) -> int:
        """Return how many texts the requests have."""
        return len(requests)

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests fit into one, by the number of their documents, and at most one megabyte."""
        return len(requests) <= self.limit and sum(map(self.size, requests)) <= self.most

    def size(self, request: Request) -> int:
        """Return the bytes of a request."""
        return request.json_size()

    def join(self, requests: Sequence[Request]) -> Request:
        """Return one request with the documents of all, numbered in order."""
        documents = [
            # Each request calls its own document "0", and the service refuses a request in which an id occurs twice.
            {**document, "id": str(number)}
            for number, request in enumerate(requests)
            for document in request.json["analysisInput"]["documents"]
        ]
        given = {**requests[0].json["analysisInput"], "documents": documents}
        body = {**requests[0].json, "analysisInput": given}
        return replace(requests[0], json=body, billed=sum(r.billed for r in requests))

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Return the reply to each request as if it had been sent by itself.

        The results are matched by id, because the reply lists the documents that failed apart from the others. A
        request whose id is missing gets a reply without any result.

        Raises:
            MalformedResponseError: The reply has no results in the documented shape.
        """
        body = response.json()
        results = inside(body, "results")
        if not isinstance(results, dict):
            raise MalformedResponseError("the reply of several texts has no results")
        listed = [results.get(kind) or [] for kind in ("documents", "errors")]
        if not all(isinstance(each, list) and all(isinstance(one, dict) for one in each) for each in listed):
            raise MalformedResponseError("the reply of several texts has results in an unknown shape")
        # An error about one text must not fail the others, so each text gets only what the reply says of it.
        parts: list[dict[str, list[Any]]] = [{"documents": [], "errors": []} for _ in requests]
        places = {str(number): part for number, part in enumerate(parts)}
        for kind, each in zip(("documents", "errors"), listed, strict=True):
            for one in each:
                if one.get("id") in places:
                    # The id is put back, so that the flow reads the reply as if its text had been sent alone.
                    places[one["id"]][kind].append({**one, "id": ONLY})
        return [response.with_json({**body, "results": {**results, **part}}) for part in parts]


ANALYZE_TOGETHER = AnalyzeTogether()
DETECT_TOGETHER = AnalyzeTogether(1_000)


class Failed(Wire):
    error: dict[str, Any]


class Detected(Wire):
    iso6391_name: str = Field(validation_alias="iso6391Name")
    name: str | None = None
    confidence: float | None = Field(default=None, validation_alias=AliasChoices("confidenceScore", "score"))


class Detection(Wire):
    """The language of one text; previews of Text Analytics v3 had a list of one."""

    detected_language: Detected

    @model_validator(mode="before")
    @classmethod
    def _first(cls, data: Any) -> Any:
        first = inside(data, "detectedLanguages", 0)
        return data if first is None else {"detectedLanguage": first}


class Results(Wire, Generic[D]):
    documents: list[D] = Field(default_factory=list)
    errors: list[Failed] = Field(default_factory=list)
    model_version: str | None = None


class DetectionReply(Wire):
    """The whole reply of a language detection. Text Analytics v3 sent the results by themselves."""

    results: Results[Detection]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return {"results": data} if isinstance(data, dict) and "documents" in data else data

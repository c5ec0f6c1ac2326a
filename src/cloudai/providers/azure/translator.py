"""The operations of Azure Translator v3: `translate`, and `dictionary` by its look-up and its examples.

The replies of the API of 2026-06-06 are understood too; it has no dictionary.

https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/translate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, Field, model_validator

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import InputError, MalformedResponseError
from cloudai.languages import tag
from cloudai.models.base import Meta
from cloudai.models.dictionary import Dictionary, Meaning, Reverse, Usage
from cloudai.models.text import Translated, Translation
from cloudai.providers._parts import framed, parts
from cloudai.providers._together import TextsTogether, only_reply
from cloudai.providers._translating import codes_of, languages_of, require_whole, spelled
from cloudai.providers.azure._service import AzureService
from cloudai.providers.base import capability
from cloudai.providers.wire import Wire

__all__ = ["Translator"]

API = "3.0"
MOST_CHARACTERS = 50_000
"""The most characters in a request, counted once for each language that they are translated into.

https://learn.microsoft.com/azure/ai-services/translator/service-limits
"""
MOST_TEXTS = 1_000
MOST_WORD, MOST_WORDS = 100, 10
"""The most characters of a word that is looked up, and the most words in a request."""
# Norwegian is known as nb only, and Serbian and Mongolian are told apart by their scripts.
LANGUAGES = {"zh": "zh-Hans", "zh-Hant": "zh-Hant", "nn": "nb", "sr": "sr-Cyrl", "mn": "mn-Cyrl", "tlh": "tlh-Latn"}
"""The codes that the service spells otherwise than we do.

https://learn.microsoft.com/azure/ai-services/translator/language-support
"""
WITH_REGION = {"pt-pt": "pt-pt", "fr-ca": "fr-ca"}
"""The languages of which the service tells the regions apart."""


def code_of(language: str) -> str:
    """Return the code of a language as the service spells it."""
    return spelled(language, LANGUAGES, WITH_REGION)


def _characters(request: Request) -> int:
    """Return how many characters a request counts for, once for each of its languages."""
    return len(request.json[0]["text"]) * _languages(request)


def _languages(request: Request) -> int:
    to = request.params["to"]
    return 1 if isinstance(to, str) else len(to)


TRANSLATE_TOGETHER = TextsTogether(MOST_TEXTS, MOST_CHARACTERS, _characters, replies=("value",))
LOOK_UP_TOGETHER = TextsTogether(MOST_WORDS, MOST_WORD * MOST_WORDS, lambda request: len(request.json[0]["text"]))


MOST_PER_REQUEST = {"translate": MOST_TEXTS, "dictionary": MOST_WORDS}


class Translator(AzureService):
    """The operations that go from one language to another."""

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs fit into one request."""
        return MOST_PER_REQUEST.get(operation) or super().max_per_request(operation)

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests an input takes: two where a word is looked up with examples."""
        # The second request depends on the meanings that the first one finds, so a plan can only count it.
        if operation == "dictionary":
            return 2 if options.get("examples", True) else 1
        return super().requests(operation, options)

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        if operation != "translate":
            return super().parts(operation, text, options)
        # The service counts each character once for each language, so twice the languages halve the parts.
        codes = codes_of(languages_of(options["to"]), code_of)
        return [part for part in parts(text, MOST_CHARACTERS // len(codes)) if part.strip()]

    @capability(
        "open",
        needs="TRANSLATOR_KEY, and TRANSLATOR_REGION or TRANSLATOR_ENDPOINT unless the resource is global",
        page="https://learn.microsoft.com/azure/ai-services/translator/service-limits",
        checked="2026-11-27",
        note="several languages in one request, each of which is counted",
        unit="character",
        unit_size=1,
        free_units=2_000_000,
        limits="50,000 characters in a text and in a request, counted for each language, longer texts are split; "
        "1,000 texts in a request",
    )
    def translate(self, text: str, *, to: str | Sequence[str], source: str | None, html: bool) -> Flow[Translation]:
        """Translate a text into one or several languages by one request, or by as many as it has parts."""
        targets = languages_of(to)
        codes = codes_of(targets, code_of)
        pieces = parts(text, MOST_CHARACTERS // len(codes))
        require_whole(pieces, html=html)
        joined, detected, model = [""] * len(codes), None, None
        for piece in pieces:
            # The service leaves out white space at the ends. A text in one piece goes out as it was given, and comes
            # back as the service has it.
            before, words, after = framed(piece) if len(pieces) > 1 else ("", piece, "")
            if words:
                response: Response = yield self._translation(words, codes, source, html)
                reply = only_reply(response.parse(TranslateReply).value)
                translated = _in_order(reply.translations, codes)
                # The first part with words decides: a quotation in another language further down must not change the
                # source of the whole.
                detected = detected or reply.detected_language
                # The recorded replies name one system, such as "Microsoft"; for several languages they are listed with
                # commas.
                model = model or response.headers.get("x-mt-system", "").partition(",")[0] or None
            else:
                translated = [""] * len(codes)
            joined = [f"{done}{before}{new}{after}" for done, new in zip(joined, translated, strict=True)]
        language = tag(detected.language) if detected and not source else None
        new_by_code = dict(zip(codes, joined, strict=True))
        first, *others = (Translated(text=new_by_code[code_of(each)], to=each) for each in targets)
        return Translation(
            text=first.text,
            to=first.to,
            source=source or language,
            detected=language,
            confidence=detected.score if detected and language else None,
            others=tuple(others),
            parts=len(pieces) if len(pieces) > 1 else None,
            meta=Meta(model=model, language_sent=",".join(codes)),
        )

    def _translation(self, text: str, codes: Sequence[str], source: str | None, html: bool) -> Request:
        """Return the request that has a text translated."""
        to = codes[0] if len(codes) == 1 else tuple(codes)
        given = {**({"from": code_of(source)} if source else {}), **({"textType": "html"} if html else {})}
        return Request(
            "POST",
            f"{self.base('translator')}/translate",
            service="translator",
            api=f"v{API}",
            endpoint=self.base("translator"),
            params={"api-version": API, "to": to, **given},
            json=[{"text": text}],
            # Each language counts as a translation of its own; see `MOST_CHARACTERS`.
            billed=self.units("translate", text) * len(codes),
            merge=TRANSLATE_TOGETHER,
        )

    @capability(
        "open",
        needs="TRANSLATOR_KEY, and TRANSLATOR_REGION or TRANSLATOR_ENDPOINT unless the resource is global",
        page="https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/dictionary-lookup",
        checked="2026-11-27",
        note="English and one of some fifty languages; the API of 2026-06-06 has it no more",
        unit="character",
        unit_size=1,
        free_units=2_000_000,
        limits="100 characters in a word; 10 words in a request",
    )
    def dictionary(self, text: str, *, source: str, to: str, examples: bool) -> Flow[Dictionary]:
        """Look up a word, and then sentences that use it with the first ten of its meanings."""
        if len(text) > MOST_WORD:
            raise InputError(
                f"the word has {len(text):,} characters, and Azure takes {MOST_WORD}",
                advice="Look up a word or a short phrase; translate() takes longer texts.",
            )
        asked = {"api-version": API, "from": code_of(source), "to": code_of(to)}
        response: Response = yield self._look_up("lookup", asked, [{"text": text}], len(text), LOOK_UP_TOGETHER)
        entry = only_reply(response.parse(LookUpReply).value)
        meanings = entry.translations
        uses: dict[str, tuple[Usage, ...]] = {}
        if examples and meanings:
            pairs = [
                # The examples are found by the normalized forms alone, which the look-up gives:
                # https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/dictionary-examples
                {"text": entry.normalized_source or text, "translation": each.normalized_target}
                # A request takes ten pairs.
                for each in meanings[:MOST_WORDS]
            ]
            size = sum(len(text) for pair in pairs for text in pair.values())
            response = yield self._look_up("examples", asked, pairs, size)
            uses = {each.normalized_target: _usages(each) for each in response.parse(ExamplesReply).value}
        return Dictionary(
            word=text,
            source=source,
            to=to,
            meanings=tuple(
                Meaning(
                    text=each.display_target or each.normalized_target,
                    part_of_speech=each.pos_tag,
                    confidence=each.confidence,
                    prefix=each.prefix_word or None,
                    back_translations=tuple(
                        Reverse(text=back.display_text or back.normalized_text, frequency=back.frequency_count)
                        for back in each.back_translations
                    ),
                    # None says that no examples were asked for, and an empty tuple that the service has none.
                    examples=uses.get(each.normalized_target, ()) if examples else None,
                )
                for each in meanings
            ),
            meta=Meta(language_sent=f"{asked['from']},{asked['to']}"),
        )

    def _look_up(
        self, what: str, asked: Mapping[str, str], body: Sequence[Any], units: int, merge: TextsTogether | None = None
    ) -> Request:
        """Return a request to the dictionary."""
        return Request(
            "POST",
            f"{self.base('translator')}/dictionary/{what}",
            service="translator",
            api=f"v{API}",
            endpoint=self.base("translator"),
            params=asked,
            json=list(body),
            billed=units,
            merge=merge,
        )


def _in_order(translations: Sequence[WireTranslation], codes: Sequence[str]) -> list[str]:
    """Return the translations in the order of the languages that were asked for.

    They are found by their codes, or by their places where the service spells a code otherwise.
    """
    if len(translations) != len(codes):
        raise MalformedResponseError(f"{len(codes)} languages were asked for, {len(translations)} translations came")
    by_code = {each.to.lower(): each.text for each in translations}
    return [by_code.get(code.lower(), each.text) for code, each in zip(codes, translations, strict=True)]


class AsList(Wire):
    """A reply that is a list in v3, and an object with the list as ``value`` in the API of 2026-06-06."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, list) else data


class WireTranslation(Wire):
    """A translation; since 2025 its language is called ``language``."""

    text: str
    to: str = Field(validation_alias=AliasChoices("to", "language"))


class WireDetected(Wire):
    language: str
    score: float | None = None


class TranslatedText(Wire):
    """The translations of one text; the language is detected only where none was given."""

    detected_language: WireDetected | None = None
    translations: list[WireTranslation]


class TranslateReply(AsList):
    value: list[TranslatedText]


class BackTranslation(Wire):
    normalized_text: str
    display_text: str = ""
    frequency_count: int | None = None


class WireMeaning(Wire):
    normalized_target: str
    display_target: str = ""
    pos_tag: str | None = None
    confidence: float | None = None
    prefix_word: str = ""
    back_translations: list[BackTranslation] = Field(default_factory=list)


class LookedUp(Wire):
    """The meanings of one word; there are none of a word that the dictionary lacks."""

    normalized_source: str = ""
    translations: list[WireMeaning]


class LookUpReply(AsList):
    value: list[LookedUp]


class WireUsage(Wire):
    """A sentence in both languages, each in three pieces, of which the middle one is the word."""

    source_prefix: str = ""
    source_term: str
    source_suffix: str = ""
    target_prefix: str = ""
    target_term: str
    target_suffix: str = ""


class WireExamples(Wire):
    normalized_target: str
    examples: list[WireUsage]


class ExamplesReply(AsList):
    value: list[WireExamples]


def _usages(reply: WireExamples) -> tuple[Usage, ...]:
    return tuple(
        Usage(
            source=f"{each.source_prefix}{each.source_term}{each.source_suffix}",
            target=f"{each.target_prefix}{each.target_term}{each.target_suffix}",
            source_word=each.source_term,
            target_word=each.target_term,
        )
        for each in reply.examples
    )

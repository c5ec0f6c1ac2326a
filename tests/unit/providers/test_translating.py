"""The languages to translate into: each is asked for, and billed, once, and each that was named has its translation."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import Azure, Google, Request, Response
from cloudai.providers._translating import languages_of
from tests.conftest import Caller
from tests.made_up.provider import ok


def azure(request: Request) -> Response:
    """Answer as Azure does: each text in each language, with the language's code in front."""
    to = request.params["to"]
    codes = [to] if isinstance(to, str) else to
    return ok([{"translations": [{"text": f"{code}: tree", "to": code} for code in codes]}])


def google(request: Request) -> Response:
    """Answer as Google does: the text in one language, with its code in front."""
    return ok({"data": {"translations": [{"translatedText": f"{request.json['target']}: tree"}]}})


VENDORS: list[tuple[Any, Any]] = [(Azure(key="not-a-real-key"), azure), (Google(api_key="not-a-real-key"), google)]


@pytest.mark.parametrize(("vendor", "service"), VENDORS)
def test_a_language_of_two_spellings_is_billed_once(call: Caller, vendor: Any, service: Any) -> None:
    """The service has one English for "en" and "en-US", which both have its text."""
    to = ["en", "en-US", "EN", "ja"]
    result = call(vendor, "translate", "나무", to=to, source="ko", send=service)
    assert [(each.to, each.text) for each in (result, *result.others)] == [
        ("en", "en: tree"),
        ("en-US", "en: tree"),
        ("ja", "ja: tree"),
    ]
    assert (result.meta.billed_max, result.meta.language_sent) == (4, "en,ja")
    assert vendor.requests("translate", {"to": to}) == (1 if vendor.name == "azure" else 2)


def test_spellings_of_one_code_are_one_language() -> None:
    """Case and underscores make no other language, and the first spelling is kept."""
    assert languages_of(["pt_PT", "pt-PT", "ko", "PT-pt", "pt"]) == ["pt_PT", "ko", "pt"]
    assert languages_of("en_US") == ["en_US"]

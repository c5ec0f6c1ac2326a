"""The services that IBM has switched off, or will end."""

from __future__ import annotations

from cloudai.providers.base import Retirement

__all__ = ["RETIREMENTS"]

CHECKED = "2026-11-28"
RETIREMENTS = (
    Retirement(
        "Visual Recognition",
        "2021-12-01",
        "the service ended, and with it every IBM API for pictures",
        "watsonx.ai (generative), or another provider",
        "https://github.com/watson-developer-cloud/java-sdk#announcements",
        CHECKED,
    ),
    Retirement(
        "Language Translator",
        "2024-12-10",
        "the service ended",
        "watsonx.ai (generative), or another provider",
        "https://cloud.ibm.com/docs/language-translator",
        CHECKED,
    ),
    Retirement(
        "Natural Language Understanding",
        "2026-07-31",
        "no new instances",
        "watsonx.ai (generative), or another provider",
        "https://cloud.ibm.com/docs/natural-language-understanding?topic=natural-language-understanding-release-notes",
        CHECKED,
    ),
    Retirement(
        "Natural Language Understanding",
        "2028-01-31",
        "the service ends",
        "watsonx.ai (generative), or another provider",
        "https://cloud.ibm.com/docs/natural-language-understanding?topic=natural-language-understanding-release-notes",
        CHECKED,
    ),
)

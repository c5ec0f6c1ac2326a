"""The services that Microsoft has switched off, or will end."""

from __future__ import annotations

from cloudai.providers.base import Retirement

__all__ = ["RETIREMENTS"]

CHECKED = "2026-11-28"
RETIREMENTS = (
    Retirement(
        "Emotion API for Video",
        "2017-10-30",
        "it no longer takes videos",
        "frames of the video, asked one by one",
        "https://docs.microsoft.com/azure/cognitive-services/emotion/home",
        CHECKED,
    ),
    Retirement(
        "Emotion API",
        "2019-02-15",
        "the service ended, and its expressions moved to Face",
        "Face, until it dropped them too",
        "https://docs.microsoft.com/azure/cognitive-services/emotion/home",
        CHECKED,
    ),
    Retirement(
        "Face: expressions, ages, gender, smiles, hair and make-up",
        "2022-06-21",
        "new customers no longer get them",
        "the likelihoods of Google, or a chat model",
        "https://azure.microsoft.com/blog/responsible-ai-investments-and-safeguards-for-facial-recognition/",
        CHECKED,
    ),
    Retirement(
        "Face: expressions, ages, gender, smiles, hair and make-up",
        "2023-06-30",
        "nobody gets them, but for ages and a few others where Microsoft has approved",
        "the likelihoods of Google, or a chat model",
        "https://azure.microsoft.com/blog/responsible-ai-investments-and-safeguards-for-facial-recognition/",
        CHECKED,
    ),
    Retirement(
        "Image Analysis and Read",
        "2028-09-25",
        "all versions end",
        "a chat model (generative), or another provider",
        "https://learn.microsoft.com/azure/ai-services/computer-vision/overview-image-analysis",
        CHECKED,
    ),
)

"""The services that Google has switched off, or will end; also those that cloudai has no operation for."""

from __future__ import annotations

from cloudai.providers.base import Retirement

__all__ = ["RETIREMENTS"]

CHECKED = "2026-11-28"
RETIREMENTS = (
    Retirement(
        "URL Shortener (goo.gl)",
        "2019-03-30",
        "no link can be made any more, and the API is off",
        "nothing in cloudai: another shortener",
        "https://developers.googleblog.com/en/google-url-shortener-links-will-no-longer-be-available/",
        CHECKED,
    ),
    Retirement(
        "URL Shortener (goo.gl)",
        "2025-08-25",
        "links that nobody used in late 2024 lead nowhere; the others still do",
        "nothing in cloudai: the address itself",
        "https://developers.googleblog.com/en/google-url-shortener-links-will-no-longer-be-available/",
        CHECKED,
    ),
    Retirement(
        "Universal Analytics",
        "2023-07-01",
        "no visit is counted any more",
        "nothing in cloudai: Google Analytics 4",
        "https://support.google.com/analytics/answer/11583528",
        CHECKED,
    ),
    Retirement(
        "Universal Analytics",
        "2024-07-01",
        "reports and API are off, and the data is deleted",
        "nothing in cloudai: Google Analytics 4",
        "https://support.google.com/analytics/answer/11583528",
        CHECKED,
    ),
    Retirement(
        "Video Intelligence",
        "2026-09-14",
        "it is no longer supported",
        "frames of the video, asked one by one",
        "https://cloud.google.com/video-intelligence/docs/deprecations",
        CHECKED,
    ),
    Retirement(
        "Video Intelligence",
        "2027-09-14",
        "the service ends",
        "frames of the video, asked one by one",
        "https://cloud.google.com/video-intelligence/docs/deprecations",
        CHECKED,
    ),
)

"""`faces.truncated` of an analysis is True at every vendor where there are as many faces as were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import Azure, Google, Response
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.played import PICTURE

BOX = {"vertices": [{"x": 1, "y": 1}, {"x": 9, "y": 1}, {"x": 9, "y": 9}, {"x": 1, "y": 9}]}
RECTANGLE = {"left": 1, "top": 1, "width": 8, "height": 8}
GOOGLE = Google(api_key="not-a-real-key")
AZURE = {"key": "not-a-real-key", "endpoint": "https://example.cognitiveservices.azure.com"}


def faces(n: int) -> dict[str, tuple[Any, Response]]:
    """Return each provider with a reply of this many faces."""
    annotations = [{"fdBoundingPoly": BOX, "boundingPoly": BOX, "detectionConfidence": 0.9}] * n
    size = {"width": 64, "height": 64, "format": "Png"}
    return {
        "google": (GOOGLE, ok({"responses": [{"faceAnnotations": annotations}]})),
        "azure-face": (Azure(**AZURE), ok([{"faceRectangle": RECTANGLE}] * n)),
        "azure-3.2": (
            Azure(**AZURE, api="3.2"),
            ok({"faces": [{"faceRectangle": RECTANGLE}] * n, "metadata": size, "requestId": "x"}),
        ),
    }


@pytest.mark.parametrize("who", ["google", "azure-face", "azure-3.2"])
@pytest.mark.parametrize(("n", "cut"), [(1, False), (2, True), (3, True)])
def test_faces_that_are_cut_off(call: Caller, who: str, n: int, cut: bool) -> None:
    """Two faces were asked for: with two or more the list, and the analysis, say that there may be others."""
    provider, reply = faces(n)[who]
    found = call(provider, "analyze_image", PICTURE, features=["faces"], max_results=2, send=lambda _: reply)
    assert len(found.faces) == min(n, 2 if who != "google" else n)
    assert found.faces.truncated is cut
    assert found.truncated is cut


@pytest.mark.parametrize("who", ["google", "azure-face", "azure-3.2"])
def test_all_faces(call: Caller, who: str) -> None:
    """Without a limit of one's own, a few faces are all there are."""
    provider, reply = faces(3)[who]
    found = call(provider, "analyze_image", PICTURE, features=["faces"], send=lambda _: reply)
    assert (len(found.faces), found.faces.truncated, found.truncated) == (3, False, False)

"""The page over time in a browser: a click on a value shows its frame, and the page stays where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudai.report import save_timeline
from tests.support.browser import BROWSER, browsing
from tests.unit.report.films.test_films import smiling, talk

__all__ = ["talk"]

pytestmark = [pytest.mark.long, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]

SHOWN = (
    "[...document.querySelectorAll('.frame')].filter(f => getComputedStyle(f).visibility === 'visible').map(f => f.id)"
)


def test_a_click_leads_to_the_frame(talk: Path, tmp_path: Path) -> None:
    """A value and the arrow keys lead to a frame, its values are marked, nothing scrolls, and nothing is loaded."""
    page = save_timeline(smiling(talk), tmp_path / "연설.html", language="ko")
    with browsing(tmp_path / "profile") as browser:
        browser.open(page, size=(1200, 400))
        assert browser.run(SHOWN) == ["frame-0-0"]
        dot = "document.querySelector('.plot a.dot[href=\"#frame-0-2\"]')"
        browser.run(f"{dot}.dispatchEvent(new MouseEvent('click', {{bubbles: true, cancelable: true}}))")
        assert browser.run(SHOWN) == ["frame-0-2"]
        assert browser.run(
            "[...document.querySelectorAll('.here')].every(d => d.getAttribute('href') === '#frame-0-2')"
        )
        assert browser.run(f"{dot}.classList.contains('here')")
        assert browser.run("scrollY") == 0
        browser.press("ArrowRight")
        assert browser.run(SHOWN) == ["frame-0-3"]
        browser.open(page, hash="#frame-0-1")
        assert browser.run(SHOWN) == ["frame-0-1"]
        assert browser.complaints == []
        assert {address.partition("#")[0] for address in browser.requests} == {page.as_uri()}

"""Pages and videos in a browser: a click on a value of the page shows its frame, and the MP4 is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudai.report import save_timeline, save_video
from tests.support.browser import BROWSER, browsing
from tests.unit.report.films.test_films import SIZE, smiling, talk

__all__ = ["talk"]

pytestmark = [pytest.mark.long, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]

SHOWN = (
    "[...document.querySelectorAll('.frame')].filter(f => getComputedStyle(f).visibility === 'visible').map(f => f.id)"
)

PLAYED = """new Promise((done, failed) => {
  const video = document.querySelector("video");
  video.onerror = () => failed(video.error.message);
  const frames = () => video.getVideoPlaybackQuality().totalVideoFrames;
  video.onended = () => done([video.duration, video.videoWidth, video.videoHeight, frames() > 0]);
  video.playbackRate = 16;
  video.play();
})"""
"""Plays a video, and gives its length, its size, and whether frames were shown."""


def test_a_click_leads_to_the_frame(talk: Path, tmp_path: Path) -> None:
    """A value and the arrow keys lead to a frame, its values are marked, nothing scrolls, and nothing is loaded.

    The same browser plays the MP4 to the end of its sound.
    """
    rows = smiling(talk)
    page = save_timeline(rows, tmp_path / "연설.html", language="ko")
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
        player = tmp_path / "player.html"
        player.write_text(f'<video muted src="{save_video(rows, tmp_path / "a.mp4").name}"></video>', "utf-8")
        browser.open(player)
        assert browser.run(PLAYED) == [pytest.approx(2.56, abs=0.01), SIZE[0] + 150, SIZE[1], True]


def test_no_plot_is_cut_off(talk: Path, tmp_path: Path) -> None:
    """The plots stand beside the frame where there is room for all of them, and below it in a narrower window."""
    page = save_timeline(smiling(talk), tmp_path / "talk.html")
    with browsing(tmp_path / "profile") as browser:
        for width in (800, 1100, 1160, 1400):
            browser.open(page, size=(width, 800))
            assert browser.run("[...document.querySelectorAll('.wide')].every(e => e.scrollWidth <= e.clientWidth)"), (
                width
            )

"""The gallery's script in a real browser, under its own policy; skipped where there is no browser."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cloudai.report import Portrait, save_gallery

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=2000",
    "--dump-dom",
]
PEOPLE = [
    Portrait("Zed", None, {"age": "110 to 120", "share": "0.25", "mood": "calm"}),
    Portrait("<script>document.title='broken in'</script>", None, {"age": "9", "share": "−0.5"}),
    Portrait('"><img src=x onerror="document.title=1">', None, {"age": "35 to 40", "share": "0.125"}),
    Portrait("나무빛", None, {"share": "1,000", "mood": "sad"}),
]
SHORT = ["Zed", "<scr", '"><i', "나무빛"]

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser here")


def after(tmp_path: Path, action: str, *, allowed: bool = True) -> tuple[list[str], dict[str, str]]:
    """The tiles shown after a visitor's action, by the beginnings of their names, and what the page says."""
    path = save_gallery(PEOPLE, tmp_path / "gallery.html", title="Council")
    source = path.read_text(encoding="utf-8")
    visitor = f"""
const say = (name, value) => document.body.setAttribute("data-" + name, value);
document.addEventListener("securitypolicyviolation", (event) => say("refused", event.effectiveDirective));
const enter = (id, value, kind) => {{
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event(kind));
}};
{action}
say("title", document.title);
say("count", document.getElementById("count").value);
say("tools", document.getElementById("tools").hidden);
say("nobody", document.getElementById("nobody").hidden);"""
    if allowed:  # the visitor's script is let in by its hash, as the page's own is; the policy stays
        digest = base64.b64encode(hashlib.sha256(visitor.encode()).digest()).decode()
        source = source.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    path.write_text(source.replace("</body>", f"<script>{visitor}</script></body>"), encoding="utf-8", newline="\n")
    assert BROWSER
    command = [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()
    tiles = re.findall(r"<li [^>]*?data-name=\"((?:[^\"])*)\"([^>]*)>", dom)
    shown = [
        name.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")[:4]
        for name, rest in tiles
        if not re.search(r"\bhidden\b", rest)
    ]
    body = re.search(r"<body([^>]*)>", dom)
    assert body
    return [next(s for s in SHORT if s.startswith(name)) for name in shown], dict(
        re.findall(r'data-(\w+)="([^"]*)"', body[1])
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("action", "order"),
    [
        ("", SHORT),
        ('enter("sort", "0", "change");', ["<scr", '"><i', "Zed", "나무빛"]),
        ('enter("sort", "0", "change"); turn.click();', ["Zed", '"><i', "<scr", "나무빛"]),
        ('enter("sort", "1", "change");', ["<scr", '"><i', "Zed", "나무빛"]),
        ('enter("sort", "2", "change");', ["Zed", "나무빛", "<scr", '"><i']),
        ('enter("sort", "0", "change"); enter("sort", "", "change");', SHORT),
        ('enter("filter", " CALM  zed", "input");', ["Zed"]),
        ('enter("filter", "나무빛".normalize("NFD"), "input");', ["나무빛"]),
        ('enter("filter", "calm", "input"); enter("filter", "", "input");', SHORT),
    ],
    ids=["given", "numbers", "descending", "decimals", "words", "back", "filter", "pieces", "unfilter"],
)
def test_sort_and_filter(tmp_path: Path, action: str, order: list[str]) -> None:
    """Numbers sort by size, what is unknown comes last whichever way, every word of the filter counts."""
    shown, said = after(tmp_path, action)
    assert shown == order
    assert said["count"] == f"{len(order)} of 4"
    assert said["title"] == "Council"  # no hostile name has run
    assert said["tools"] == "false"
    assert "refused" not in said


@pytest.mark.long
def test_nobody_matches(tmp_path: Path) -> None:
    """A filter that nobody matches says so."""
    shown, said = after(tmp_path, 'enter("filter", "no such person", "input");')
    assert (shown, said["count"], said["nobody"]) == ([], "0 of 4", "false")


@pytest.mark.long
def test_policy_holds(tmp_path: Path) -> None:
    """A script that came into the page in any other way does not run, and pictures load from nowhere."""
    _, said = after(tmp_path, 'say("ran", "yes");', allowed=False)
    assert said == {}
    _, said = after(tmp_path, 'const i = new Image(); i.src = "https://example.invalid/x.png"; tiles.append(i);')
    assert said["refused"] == "img-src"

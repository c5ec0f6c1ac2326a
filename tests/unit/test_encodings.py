"""Texts in the encodings that people have them in: read right, or asked about, and never read wrong."""

from __future__ import annotations

import codecs
import logging

import pytest

from cloudai import InputError, SettingsError
from cloudai.encodings import decoded

KOREAN = "이름,후기\n김하나,맛있어요\n박둘,별로예요\n"
CHINESE = "照片,评论\na.jpg,味道很好，服务也不错，下次还来。\nb.jpg,太贵了，房间很脏，服务员很粗鲁。\n" * 3
TAIWAN = "照片,評論\na.jpg,味道很好\n"
JAPANESE = "写真,感想\na.jpg,とても美味しい\n"
THAI = "ภาพ,ความเห็น\na.jpg,อร่อยมาก\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
@pytest.mark.parametrize("text", [KOREAN, CHINESE, "plain,ascii\n1,2\n", "사진\n"], ids=["ko", "zh", "en", "short"])
def test_unicode_is_read_for_certain(encoding: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Unicode is read with a byte order mark and without one, and nothing is guessed or told."""
    assert decoded(text.encode(encoding), "후기.csv") == text
    assert not caplog.records


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp949", KOREAN),
        ("cp949", "맛있어요\n"),
        ("cp949", "GPU 서버가 down 되었어요\n"),
        ("cp949", "뷁쀍 쌰앙, 똠방각하 펲시콜라\n"),
        ("cp949", "photo,review\n" * 5_000 + "a.jpg,맛있어요\n"),
        ("gb18030", CHINESE),
        ("big5", TAIWAN),
        ("cp932", JAPANESE),
        ("cp874", THAI),
    ],
)
def test_an_older_encoding_is_guessed_and_the_guess_is_told(
    encoding: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A guess that is certain is believed, and written to the log with the name of the file."""
    with caplog.at_level(logging.WARNING):
        assert decoded(text.encode(encoding), "후기.csv") == text
    assert f"후기.csv: read as {encoding.upper()}" in caplog.text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gbk", "照片,评论\na.jpg,味道很好\n"),
        ("gbk", "很好\n"),
        ("big5", "很好\n不好\n"),
        ("euc_jp", JAPANESE),
        ("cp1252", "photo,avis\na.jpg,très bon café\n"),
        ("cp1252", "Le café était très bon, déjà vu, à bientôt – l'été “super”.\n" * 3),
        ("cp1251", "Обслуживание было плохим. Больше не приду.\n"),
        ("cp1250", "Žluťoučký kůň,příliš\n"),
        # Without any disorder these are Hangul that nobody uses, kana of half the width, Thai, or rare Chinese.
        ("cp932", "id,text\n0,とても美味しいです 梱包が丁寧\n"),
        ("euc_jp", "id,text\n0,配送が早い\n1,色が綺麗\n2,とても美味しいです\n"),
        ("big5", "id,text\n0,尺寸偏小 顏色漂亮 非常滿意\n1,服務態度很差\n"),
        ("gb18030", "id,text\n0,尺寸偏小\n1,尺寸偏小\n"),
        ("gb18030", "id,text\n0,颜色漂亮\n1,失望透顶\n"),
        ("koi8_r", "id,text\n0,цвет спасибо\n1,размер\n2,спасибо\n"),
        ("cp866", "id,text\n0,хорошо\n1,качество нормально дорого\n"),
        ("cp874", "id,text\n0,บริการดี\n1,ดีมาก รสชาติ\n"),
        ("cp1256", "id,text\n0,شكرا\n1,شكرا\n2,صغير سريع\n"),
        ("cp1253", "id,text\n0,ακριβό\n1,φωτο\n2,φωτο\n3,ακριβό\n"),
    ],
)
def test_an_uncertain_guess_asks_for_the_encoding(encoding: str, text: str) -> None:
    """Bytes that may be of several encodings are refused, and read right once the encoding is named."""
    with pytest.raises(InputError, match=r"not certain.*Give encoding=") as caught:
        decoded(text.encode(encoding), "표.csv")
    assert not any(word in str(caught.value) for word in text.split())
    assert decoded(text.encode(encoding), "표.csv", encoding=encoding) == text


@pytest.mark.parametrize(
    ("encoding", "text"), [("iso2022_jp", JAPANESE), ("iso2022_kr", KOREAN)], ids=["Japanese", "Korean"]
)
def test_the_encodings_of_mail_are_not_ascii(encoding: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A text with the escape sequences of East Asian mail has bytes of ASCII only, and is read for certain."""
    assert decoded(text.encode(encoding), "메일.txt") == text
    assert decoded(b"\x1b[1mbold\x1b(B,text\n", "로그.txt") == "\x1b[1mbold\x1b(B,text\n"
    assert not caplog.records


def test_damaged_utf_8_is_no_other_encoding() -> None:
    """A file of UTF-8 that was cut off, or has a stray byte, is called damaged, at the byte where it is."""
    data = KOREAN.encode()
    for damaged, place in ((data[:-2], len(data) - 4), (data[:20] + b"\xff" + data[20:], 20)):
        with pytest.raises(InputError, match=rf"is UTF-8 and damaged at byte {place}"):
            decoded(damaged, "후기.csv")


@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-8-sig"])
def test_the_place_of_the_damage_is_counted_from_the_beginning_of_the_file(encoding: str | None) -> None:
    """The byte that is told as damaged is the one in the file, whose first three bytes may be a byte order mark."""
    damaged = codecs.BOM_UTF8 + "가나다라마바사".encode() + b"\xff"
    with pytest.raises(InputError, match=r"byte 24\b"):
        decoded(damaged, "후기.csv", encoding=encoding)


def test_a_nul_makes_no_utf_16() -> None:
    """A text of UTF-8 with a NUL in a cell stays UTF-8."""
    for text in ("가나다라,\0마바사아\n", "가나다라,\0마바사아가\n", "plain,\0ascii,\0\0\0\n"):
        assert decoded(text.encode(), "x") == text


def test_the_last_line_tells_the_encoding_although_no_line_feed_ends_it() -> None:
    """A last line without a line feed counts like the others where the encoding is guessed."""
    text = "很\n" + CHINESE.strip().replace("\n", " ")
    assert decoded(text.encode("gb18030"), "评论.csv") == text


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("klingon", "'klingon' is no encoding"),
        ("hex", "'hex' is no encoding"),
        ("undefined", "'undefined' is no encoding"),
        ("utf\0-8", "is no encoding"),
        ("ascii", r"is not ascii \(byte 0\)"),
        ("utf-16", "not utf-16"),
    ],
)
def test_an_encoding_that_is_wrong_is_told(encoding: str, said: str) -> None:
    """A name that is no encoding, and one that the bytes are not in, are errors of the class that was asked for."""
    with pytest.raises(SettingsError, match=said):
        decoded(b"\xec\x9d\xb4", "x", SettingsError, encoding=encoding)


def test_a_byte_order_mark_is_never_text() -> None:
    """The mark is left out whether the encoding was named or not."""
    for encoding in (None, "utf-8", "utf8", "UTF-8-SIG"):
        assert decoded("가".encode("utf-8-sig"), "x", encoding=encoding) == "가"
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030"):
        marked = "\ufeff가나".encode(encoding)
        assert decoded(marked, "x", encoding=encoding) == "가나"


def test_what_was_read_is_in_no_frame_of_the_error() -> None:
    """A file of keys may be in an unknown encoding: a crash report shows variables, and must not show it."""
    secret = "KEY=Größe-geheim\nANDERER=Schlüssel-ß\n".encode("cp1252")
    with pytest.raises(SettingsError) as caught:
        decoded(secret, ".env", SettingsError)
    frame = caught.traceback[-1].frame.f_locals
    assert not any(value == secret or "geheim" in str(value) for value in frame.values())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("before", ["", "aa"])
def test_a_long_line_is_not_cut_within_a_character(before: str) -> None:
    """The encoding is guessed from a part of the text, and half a character would speak against the right one."""
    text = before + "안녕하세요 저는 학생입니다, 오늘 날씨가 좋네요. " * 3_000
    assert decoded(text.encode("cp949"), "긴 글") == text

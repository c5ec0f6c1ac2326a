"""The words of pages, cards and tables in the languages of their readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from cloudai.errors import InputError
from cloudai.wording import translated

__all__ = ["Language", "in_language", "words_in"]

Language: TypeAlias = Literal["en", "ko"]

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        # These texts name the columns of what was found.
        "caption": "caption",
        "faces": "faces",
        "face": "face {n}",
        "tags": "tags",
        "objects": "objects",
        "text": "text",
        "confidence": "confidence",
        "expression": "expression (guess)",
        "age": "age (guess)",
        "local expression": "expression (a baseline model's guess)",
        "local age": "age (a baseline model's guess)",
        "mean": "mean {years}",
        "status": "status",
        "reason": "reason",
        "picture": "picture",
        "found in": "picture of",
        # These texts name the endings of inputs.
        "ok": "found",
        "none_found": "nothing found",
        "failed": "failed",
        "unsupported": "not offered",
        "in_doubt": "in doubt",
        "skipped": "skipped",
        "not_started": "not started",
        # These texts are on the page of a gallery.
        "filter": "Find",
        "hint": "name or value",
        "sort": "Sort by",
        "name": "Name",
        "order": "Order given",
        "up": "Ascending",
        "down": "Descending",
        "no picture": "no picture",
        "no face": "no face found",
        "nobody": "Nothing matches.",
        "photo": "Photo: {name}",
        "count": "{shown} of {all}",
        "facets": "Filters",
        "reset": "Show all",
        "from": "from",
        "to": "to",
        "unknown": "(none)",
        "more": "{n} more",
        "open": "Enlarge",
        "close": "Close",
        "previous": "Previous",
        "next": "Next",
        "marks": "Boxes",
        "link": "Open the source",
        "keys": "Keys: / search, arrows move, Enter enlarges, b boxes, Esc closes.",
        "notice": "Faces are found by a machine; it never names people. "
        "Ages and expressions, if shown, are guesses from appearance.",
        # These texts are on the page of a video.
        "no expressions": "Nothing is known of expressions here: this provider, or this call, says nothing of them.",
        "where": "Where each face is, from the left edge of the picture (0) to the right one (100)",
        "across": "place across, %",
        "brief": "Faces that were seen only briefly have no plot: {n}.",
        "not smoothed": "The lines are not smoothed: likelihood words are ranks, and no numbers.",
        "timeline keys": "Click a value for its frame. Keys: ← and → lead on; Tab goes to the plot.",
        # These texts are on cards.
        "one": "1 face",
        "many": "{n} faces",
        "none": "no faces",
        "sources": "By {who}, without a caption.",
        "cards": "Card news",
        "gallery": "Gallery",
        "portraits": "Portraits",
    },
    "ko": {
        "caption": "설명",
        "faces": "얼굴 수",
        "face": "얼굴 {n}",
        "tags": "태그",
        "objects": "사물",
        "text": "글자",
        "confidence": "확신도",
        "expression": "표정(어림)",
        "age": "나이(어림)",
        "local expression": "표정(간단한 모델의 어림)",
        "local age": "나이(간단한 모델의 어림)",
        "mean": "평균 {years}",
        "status": "상태",
        "reason": "까닭",
        "picture": "사진",
        "found in": "사진 속",
        "ok": "찾음",
        "none_found": "찾은 것 없음",
        "failed": "실패",
        "unsupported": "지원하지 않음",
        "in_doubt": "확실하지 않음",
        "skipped": "건너뜀",
        "not_started": "시작 전",
        "filter": "찾기",
        "hint": "이름이나 값, 초성",
        "sort": "정렬",
        "name": "이름",
        "order": "주어진 순서",
        "up": "오름차순",
        "down": "내림차순",
        "no picture": "사진 없음",
        "no face": "얼굴을 찾지 못함",
        "nobody": "찾는 것이 없습니다.",
        "photo": "사진: {name}",
        "count": "{all}개 중 {shown}개",
        "facets": "골라 보기",
        "reset": "모두 보기",
        "from": "최소",
        "to": "최대",
        "unknown": "(없음)",
        "more": "{n}개 더",
        "open": "크게 보기",
        "close": "닫기",
        "previous": "이전",
        "next": "다음",
        "marks": "테두리",
        "link": "출처 열기",
        "keys": "단축키: / 찾기, 화살표 이동, Enter 크게 보기, b 테두리, Esc 닫기.",
        "notice": "얼굴은 기계가 찾은 것이며, 기계는 누구인지 알아보지 않습니다. "
        "나이와 표정이 적혀 있다면 겉모습을 보고 어림한 값입니다.",
        "no expressions": "표정에 관한 값이 없습니다. 이 서비스나 이 요청은 표정을 다루지 않습니다.",
        "where": "얼굴의 위치, 사진의 왼쪽 끝(0)에서 오른쪽 끝(100)까지",
        "across": "가로 위치, %",
        "brief": "잠깐만 보인 얼굴은 그래프가 없습니다: {n}개.",
        "not smoothed": "가능성 등급은 수가 아니라 순위이므로 선을 매끄럽게 다듬지 않았습니다.",
        "timeline keys": "값을 누르면 그 장면이 보입니다. 단축키: ←와 →로 이동, Tab으로 그래프로 이동.",
        "one": "얼굴 1",
        "many": "얼굴 {n}",
        "none": "얼굴 없음",
        "sources": "{who}의 분석 결과, 문장 설명 없음.",
        "cards": "카드 뉴스",
        "gallery": "갤러리",
        "portraits": "인물 사진",
        # These are the apparent expressions, which in English are the words of the results.
        "anger": "분노",
        "contempt": "경멸",
        "disgust": "혐오",
        "fear": "두려움",
        "happiness": "기쁨",
        "neutral": "무표정",
        "sadness": "슬픔",
        "surprise": "놀람",
        "calm": "차분함",
        "confused": "혼란",
    },
}


def words_in(language: str) -> Mapping[str, str]:
    """Return the words of a language.

    Raises:
        InputError: There are no words in the language.
    """
    if language not in WORDS:
        raise InputError(f"a report does not speak {language!r}", advice=f"Give one of: {', '.join(WORDS)}.")
    return WORDS[language]


def in_language(reason: str, language: Language) -> str:
    """Return the reason of an error in the language of a page's readers; in English if it is not translated."""
    return reason if language == "en" else translated(reason, language)

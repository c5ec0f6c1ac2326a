"""The words of plots in the languages of their readers, beside those of pages."""

from __future__ import annotations

from collections.abc import Mapping

from cloudai.report.words import words_in

__all__ = ["words_of"]

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "time_s": "time",
        "date": "date",
        "item": "number",
        "likelihood": "likelihood",
        "scale probability": "probability",
        "scale confidence": "confidence",
        "VERY_UNLIKELY": "very unlikely",
        "UNLIKELY": "unlikely",
        "POSSIBLE": "possible",
        "LIKELY": "likely",
        "VERY_LIKELY": "very likely",
        "age_years": "age",
        "years": "years",
        "apparent age": "apparent age (a guess)",
        "true age": "true age",
        "difference": "{value} against the true age",
        "latitude": "latitude",
        "longitude": "longitude",
        "nothing": "nothing",
        "values": "The values as a table",
        "series": "series",
        "value": "value",
        "range": "range",
        "keys": "Keys: Tab to a series, arrows along its values, Enter to the picture.",
        "note smooth": "The strong lines are smoothed in a window of {value:g} along the bottom; the dots are the "
        "values as they were given.",
        "note average": "A bar is the mean of the values; the dots on it are the values.",
        "note likelihood": "Likelihood words are ranks: the steps have no distances, and nothing is averaged.",
        "note guess": "Expressions and ages are guesses from appearance.",
        "note lacking": "Without an age: {value}.",
        "note undated": "Without a date: {value}.",
        "and more": "{value} and more",
        "note unplaced": "Without a position: {value}.",
    },
    "ko": {
        "time_s": "시간",
        "date": "날짜",
        "item": "번호",
        "input": "입력",
        "score": "점수",
        "name": "이름",
        "likelihood": "가능성",
        "scale probability": "확률",
        "scale confidence": "확신도",
        "VERY_UNLIKELY": "매우 낮음",
        "UNLIKELY": "낮음",
        "POSSIBLE": "보통",
        "LIKELY": "높음",
        "VERY_LIKELY": "매우 높음",
        "age_years": "나이",
        "years": "세",
        "apparent age": "겉보기 나이(어림)",
        "true age": "실제 나이",
        "difference": "실제 나이와 {value}",
        "latitude": "위도",
        "longitude": "경도",
        "nothing": "없음",
        "values": "값을 표로 보기",
        "series": "계열",
        "value": "값",
        "range": "범위",
        "track": "사람",
        "keys": "단축키: Tab 계열 이동, 화살표 값 이동, Enter 사진으로.",
        "note smooth": "굵은 선은 가로축에서 너비 {value:g}의 창으로 매끄럽게 한 것이고, 점은 받은 값 그대로입니다.",
        "note average": "막대는 값의 평균이고, 그 위의 점이 값입니다.",
        "note likelihood": "가능성은 순서만 있는 말입니다. 단계 사이의 거리는 뜻이 없으며 평균을 내지 않습니다.",
        "note guess": "표정과 나이는 겉모습을 보고 어림한 값입니다.",
        "note lacking": "나이가 없음: {value}.",
        "note undated": "날짜가 없음: {value}.",
        "and more": "{value} 이상",
        "note unplaced": "위치가 없음: {value}.",
    },
}


def words_of(language: str) -> dict[str, str]:
    """Return the words of a language.

    Raises:
        InputError: There are no words in the language.
    """
    return {**words_in(language), **WORDS[language]}

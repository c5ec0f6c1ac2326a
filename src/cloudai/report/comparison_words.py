"""The words of the page of a comparison, in English and in Korean: headings, columns, and how numbers are made."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COLUMNS", "METHODS", "WORDS"]

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "pairs": "How far they agree",
        "truth": "Against the reference",
        "distributions": "Distributions",
        "costs": "Costs and times",
        "disagreements": "Where they disagree most",
        "inputs": "All inputs, those with the least agreement first",
        "none": "They agree on everything.",
        "no_picture": "The picture is not here.",
        "problem": "{provider} has not answered everything: {why}",
        "how_truth": "Precision is the share of what was said that is true, recall the share of what is true that was "
        "said. Error rates are by the reference. The bounds are of a 95 % interval, by the percentile bootstrap "
        "over the inputs (1,000 draws).",
        "how_distributions": "The number of inputs by tenths, from 0 (nothing in common) to 1 (the same).",
        "how_costs": "Units are what the vendor can have counted, at least and at most, retries included. The time is "
        "the median from the first request to the answer.",
        "how_disagreements": "Solid blue is the first provider, dashed orange the second.",
        "notice": "Faces are found by machines, which name nobody. Ages and expressions are guesses from appearance. "
        "That providers agree does not mean that they are right.",
    },
    "ko": {
        "pairs": "얼마나 일치하는가",
        "truth": "정답과 비교",
        "distributions": "분포",
        "costs": "비용과 시간",
        "disagreements": "가장 많이 엇갈린 곳",
        "inputs": "모든 입력, 일치도가 낮은 것부터",
        "none": "모든 입력에서 일치합니다.",
        "no_picture": "사진이 여기에 없습니다.",
        "problem": "{provider}: 모든 입력에 답하지는 않았습니다. {why}",
        "how_truth": "정밀도는 답한 것 가운데 맞는 것의 비율, 재현율은 맞는 것 가운데 답한 것의 비율입니다. "
        "오류율은 정답을 "
        "기준으로 합니다. 구간은 입력을 1,000번 다시 뽑은 부트스트랩의 95 % 백분위 구간입니다.",
        "how_distributions": "0(공통점 없음)부터 1(같음)까지 열 구간으로 나눈 입력의 수입니다.",
        "how_costs": "단위는 재시도를 포함하여 업체가 셌을 수 있는 최소와 최대입니다. "
        "시간은 첫 요청부터 답까지의 중앙값입니다.",
        "how_disagreements": "파란 실선은 첫째 업체, 주황 점선은 둘째 업체입니다.",
        "notice": "얼굴은 기계가 찾은 것이며, 기계는 누구인지 알아보지 않습니다. "
        "나이와 표정은 겉모습을 보고 어림한 값입니다. "
        "업체들이 일치한다고 해서 옳다는 뜻은 아닙니다.",
    },
}

METHODS: Mapping[str, Mapping[str, str]] = {
    "en": {},
    "ko": {
        "Faces": "두 상자의 겹친 넓이를 합친 넓이로 나눈 값(IoU)이 {least} 이상이면, "
        "큰 것부터 차례로 같은 얼굴로 봅니다. "
        "일치도는 공통된 얼굴의 두 배를 두 업체의 얼굴 수의 합으로 나눈 값입니다.",
        "Words": "대소문자만 다른 태그는 같은 것으로 봅니다. 중심어로는 “sports car”와 “car”도 같습니다. "
        "일치도는 공통된 "
        "태그의 두 배를 두 업체의 태그 수의 합으로 나눈 값입니다.",
        "Texts": "낱말은 대소문자와 문장 부호를 빼고, 글자는 띄어쓰기를 빼고 견줍니다. "
        "일치도는 1에서, 바꾸거나 넣거나 "
        "지워야 할 글자의 수를 더 긴 글의 글자 수로 나눈 값을 뺀 것입니다.",
        "Captions": "설명 글은 다른 글처럼 글자와 낱말로 견주고, 관사나 조사 같은 기능어를 뺀 내용어로도 견줍니다. "
        "내용어 일치도는 공통된 내용어의 두 배를 두 업체의 내용어 수의 합으로 나눈 값이며 순서는 따지지 않습니다. "
        "같은 뜻을 다른 말로 쓸 수도 있습니다.",
        "Objects": "두 상자의 겹친 넓이를 합친 넓이로 나눈 값(IoU)이 {least} 이상이고 이름이 같으면, "
        "큰 것부터 차례로 같은 사물로 봅니다(대소문자 무시). 중심어로는 “sports car”와 “car”도 같고, "
        "상자로는 이름을 따지지 않습니다. 일치도는 공통된 사물의 두 배를 두 업체의 사물 수의 합으로 나눈 값입니다.",
        "Labels": "감정은 점수의 부호(긍정, 부정, 0이면 중립)를, 언어는 코드를 견줍니다. "
        "카파는 우연보다 얼마나 더 자주 "
        "일치하는지를 나타냅니다.",
    },
}
"""The ways in which answers are compared, by the class of the measure; the English words are those of the measure
itself."""

COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        "one": ("first", "the first provider of the pair"),
        "other": ("second", "the second provider of the pair"),
        "n": ("n", "the inputs that count"),
        "n_one": ("of the first", "what the first provider has said"),
        "n_other": ("of the second", "what the second provider has said"),
        "matched": ("in common", "what both have said"),
        "agreement": ("agreement", "0 to 1; see the line below the table"),
        "agreement_heads": ("agreement by head word", "“sports car” and “car” are the same"),
        "agreement_words": ("agreement by words", "1 less the words that differ, over those of the longer text"),
        "agreement_content": ("agreement by content", "twice the content words in common over those of both"),
        "agreement_boxes": ("agreement by boxes", "by boxes alone, whatever the names"),
        "overlap": ("overlap", "the mean intersection over union of what both have"),
        "age_overlap": ("overlap of ages", "the years that both ranges share, over all that they cover"),
        "kappa": ("kappa", "Cohen's kappa: 1 is full agreement, 0 is chance"),
        "f1": ("F1", "the harmonic mean of precision and recall"),
        "age_error": ("error of ages", "the mean absolute difference from the true age, in years"),
        "age_bias": ("bias of ages", "the mean difference from the true age, in years"),
        "median_s": ("median, s", "half of the answers took less, in seconds"),
    },
    "ko": {
        "provider": ("업체", ""),
        "item": ("번호", ""),
        "input": ("입력", ""),
        "inputs": ("입력 수", ""),
        "answered": ("답한 수", ""),
        "one": ("첫째", "짝의 첫째 업체"),
        "other": ("둘째", "짝의 둘째 업체"),
        "n": ("n", "셈에 든 입력의 수"),
        "n_one": ("첫째의 수", "첫째 업체가 답한 것"),
        "n_other": ("둘째의 수", "둘째 업체가 답한 것"),
        "matched": ("공통", "둘 다 답한 것"),
        "only_one": ("첫째만", ""),
        "only_other": ("둘째만", ""),
        "agreement": ("일치도", "0부터 1까지, 표 아래의 설명 참고"),
        "agreement_heads": ("중심어 일치도", "중심어로 견준 일치도"),
        "agreement_words": ("낱말 일치도", "낱말로 견준 일치도"),
        "agreement_content": ("내용어 일치도", "공통된 내용어의 두 배를 두 업체의 내용어 수의 합으로 나눈 값"),
        "agreement_boxes": ("상자 일치도", "이름과 관계없이 상자로만 견준 일치도"),
        "overlap": ("겹침", "공통된 것의 IoU 평균"),
        "ages": ("나이 수", "둘 다 나이가 있는 얼굴"),
        "age_overlap": ("나이 겹침", "두 범위가 함께 덮는 해를 모두 덮는 해로 나눈 값"),
        "kappa": ("카파", "코헨의 카파: 1은 완전한 일치, 0은 우연"),
        "label_one": ("첫째의 답", ""),
        "label_other": ("둘째의 답", ""),
        "matched_heads": ("공통 중심어", ""),
        "matched_boxes": ("공통 상자", ""),
        "matched_content": ("공통 내용어", ""),
        "characters_differ": ("다른 글자", ""),
        "characters_longer": ("긴 글의 글자", ""),
        "words_differ": ("다른 낱말", ""),
        "words_longer": ("긴 글의 낱말", ""),
        "precision": ("정밀도", "답한 것 가운데 맞는 것"),
        "precision_low": ("정밀도 하한", "95 % 구간"),
        "precision_high": ("정밀도 상한", "95 % 구간"),
        "recall": ("재현율", "맞는 것 가운데 답한 것"),
        "recall_low": ("재현율 하한", "95 % 구간"),
        "recall_high": ("재현율 상한", "95 % 구간"),
        "f1": ("F1", "정밀도와 재현율의 조화 평균"),
        "f1_low": ("F1 하한", "95 % 구간"),
        "f1_high": ("F1 상한", "95 % 구간"),
        "character_error_rate": ("글자 오류율", "정답의 글자 수로 나눈 값"),
        "word_error_rate": ("낱말 오류율", "정답의 낱말 수로 나눈 값"),
        "accuracy": ("정확도", "맞은 비율"),
        "age_error": ("나이 오차", "실제 나이와의 차이의 절댓값 평균, 해"),
        "age_bias": ("나이 치우침", "실제 나이와의 차이의 평균, 해"),
        "median_s": ("중앙값, 초", "답의 절반은 이보다 빨랐습니다"),
        "billed_min": ("단위, 최소", ""),
        "billed_max": ("단위, 최대", ""),
        "cost_min": ("비용, 최소 USD", ""),
        "cost_max": ("비용, 최대 USD", ""),
    },
}
"""The heading of a column, and how its numbers are made; a column that is missing here is named as it is."""

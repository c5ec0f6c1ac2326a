"""The words that say little in English and Korean texts, and the endings of Korean words, for `local.phrases`."""

from __future__ import annotations

__all__ = ["ENGLISH", "KOREAN", "PARTICLES", "VERBS"]

ENGLISH = frozenset(
    """
    a about above after again against all almost also although always am among an and another any anyone anything
    are around as ask at away back be became because become been before began being below between both but by came
    can cannot come could did do does doing done down during each either else enough even ever every everyone
    everything few find first for found from further gave get gets getting give given go goes going gone good got
    had has have having he her here hers herself him himself his how however i if in indeed instead into is it its
    itself just keep kept know known last least less let like likely little long look made make makes making many
    may maybe me might mine more most much must my myself near nearly need never new next no nobody none nor not
    nothing now of off often old on once one only onto or other others our ours ourselves out over own perhaps
    please put quite rather really said same saw say says second see seem seemed seems seen several shall she should
    since so some someone something sometimes soon still such take taken than that the their theirs them themselves
    then there therefore these they thing things think this those though three through thus to together too took
    toward towards tried try two under until up upon us use used uses using usually very want wanted wants was way
    we well went were what whatever when where whether which while who whole whom whose why will with within without
    would yes yet you your yours yourself yourselves aren't can't couldn't didn't doesn't don't hadn't hasn't
    haven't he's i'd i'll i'm i've isn't it's let's that's there's they're they've wasn't we're we've weren't what's
    won't wouldn't you'd you'll you're you've
    """.split()  # noqa: SIM905  # a list of words is read most easily as one
)
"""The English words that no phrase contains."""
KOREAN = frozenset(
    """
    그 이 저 것 이것 그것 저것 수 등 및 더 가장 매우 정말 아주 너무 잘 안 못 다시 모두 여러 모든 어떤 이런 그런 저런
    다른 때문 때문에 위해 위하여 대해 대하여 통해 통하여 따라 따르면 대한 위한 관한 의한 우리 저희 나 너 내 제 그녀
    누구 무엇 어디 언제 어떻게 왜 그리고 그러나 하지만 그래서 그런데 그러면 따라서 또한 또는 혹은 즉 만약 비록 오늘
    내일 어제 지금 아직 이미 벌써 곧 항상 자주 가끔 다만 특히 약 각 첫 한 두 세 네 중 때 곳 뿐 개 명 번 간 좀 꼭
    바로 거의 함께 있다 없다 이다 아니다 하다 되다 같다 많이 조금 계속 매일 그냥
    """.split()  # noqa: SIM905
)
"""The Korean words that no phrase contains."""
PARTICLES = sorted(
    """
    에서는 에게서 으로부터 로부터 이라는 라는 으로는 로는 에서도 까지는 이라고 라고 에서 에게 한테 께서 으로 부터
    까지 처럼 보다 마다 조차 밖에 이나 이며 과의 와의 에는 에도 만을 만이 들은 들이 들을 들의 들과 들에게 은 는 이
    가 을 를 의 에 로 와 과 도 만 께
    """.split(),  # noqa: SIM905
    key=len,
    reverse=True,
)
"""The particles at the ends of Korean nouns, the longest first."""
VERBS = tuple(
    """
    니다 어요 아요 에요 예요 세요 해요 돼요 네요 군요 지요 려요 와요 워요 죠 까요 하다 되다 있다 없다 이다 하고 하며
    하면 하여 해서 하는 되는 되고 되어 되면 했던 하던 하게 하지 하기 있는 없는 있고 없고 지만 는데 은데 려고 려면
    있기 없기 면서 도록 아서 어서 라서 니까 거나 려야 해야 어야 아야 ..한 ..할 ..된 ..될 ..운 했는지 하자 했고 였고
    았고 었고 한다고 된다고
    """.split()  # noqa: SIM905
)
"""The ends of Korean verbs and adjectives, as regular expressions."""

"""A `Comparison` holds what several providers said of the same inputs, and how they agree."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from cloudai.compare.measures import Boxed, Measure
from cloudai.compare.truth import rows_by_item
from cloudai.errors import SettingsError
from cloudai.models.base import Box
from cloudai.outcomes import Outcome
from cloudai.table import Table

__all__ = ["Comparison"]

UNITS = {"median_s": "s", "cost_min": "USD", "cost_max": "USD", "age_error": "years", "age_bias": "years"}


@dataclass(frozen=True)
class Comparison:
    """The answers of several providers to the same inputs: who agrees with whom, on what, and who is right.

    Each number is made as ``method`` says. Only inputs that both providers have answered count for a pair.
    """

    operation: str
    providers: tuple[str, ...]
    outcomes: Mapping[str, Sequence[Outcome[Any]]] = field(repr=False)
    """For each provider the outcome of each input, in the order of the inputs."""
    measure: Measure[Any] = field(repr=False)
    truth: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    """The rows of the reference; see `against_truth`."""
    prices: Mapping[str, float] = field(default_factory=dict, repr=False)
    problems: Mapping[str, Exception] = field(default_factory=dict)
    """For a provider that did not answer all inputs, the error that ended its part: a quota, an outage. The same call
    with the same journal goes on where it ended."""
    sources: Sequence[Any] = field(default=(), repr=False)
    """The inputs as they were given, in order: a name may be spelled otherwise than its file is on this system."""

    @property
    def method(self) -> str:
        """How the answers are compared, in words."""
        return self.measure.method

    @property
    def names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [outcome.input for outcome in self.outcomes[self.providers[0]]]

    def answers(self, provider: str) -> dict[int, Any]:
        """Return what a provider said of each input that it has answered, by the number of the input."""
        # An input that failed is no answer. It must not count as "nothing found", which would be wrong or right by
        # chance.
        said = ((o.item, self.measure.of(o.result)) for o in self.outcomes[provider] if o.result is not None)
        return {item: answer for item, answer in said if answer is not None}

    def _pairs(self) -> Iterator[tuple[str, str, list[tuple[int, Any, Any]]]]:
        answers = {provider: self.answers(provider) for provider in self.providers}
        for one, other in combinations(self.providers, 2):
            # Only what both have answered counts: a provider that was down has not disagreed.
            both = sorted(answers[one].keys() & answers[other].keys())
            yield one, other, [(item, answers[one][item], answers[other][item]) for item in both]

    def per_pair(self) -> Table:
        """Return a row for each pair of providers: how far they agree over all inputs, of which there are ``n``."""
        rows = []
        for one, other, both in self._pairs():
            each = [self.measure.row(a, b) for _, a, b in both]
            if each:
                rows.append({"one": one, "other": other, "n": len(each), **self.measure.pair(each)})
        return Table(rows, _columns(rows, "one", "other", "n"))

    def per_input(self) -> Table:
        """Return a row for each input and pair, those first on which a pair agrees least."""
        names = self.names
        rows = [
            {"item": item, "input": names[item], "one": one, "other": other, **self.measure.row(a, b)}
            for one, other, both in self._pairs()
            for item, a, b in both
        ]
        # If a pair agrees equally little about two inputs, the one in which more was found comes first.
        rows.sort(key=lambda row: (row["agreement"], -(row.get("n_one", 0) + row.get("n_other", 0)), row["item"]))
        return Table(rows, _columns(rows, "item", "input", "one", "other"))

    def per_match(self) -> Table:
        """Return a row for each thing that either provider of a pair has, with what the other one says of it."""
        names = self.names
        rows = [
            {"item": item, "input": names[item], "provider_one": one, "provider_other": other, **row}
            for one, other, both in self._pairs()
            for item, a, b in both
            for row in self.measure.matched(a, b)
        ]
        return Table(rows, _columns(rows, "item", "input", "provider_one", "provider_other"))

    def per_provider(self) -> Table:
        """Return a row for each provider: what it answered, how long it took, and what it may have billed."""
        rows = []
        for provider in self.providers:
            outcomes = self.outcomes[provider]
            # The median is given, because a single wait for a quota would decide the mean.
            times = [t for o in outcomes if o.result is not None and (t := o.result.meta.elapsed) is not None]
            bill = [sum(o.facts.get(name) or 0 for o in outcomes) for name in ("billed_min", "billed_max")]
            row = {
                "provider": provider,
                "inputs": len(outcomes),
                "answered": sum(o.result is not None for o in outcomes),
                "median_s": statistics.median(times) if times else None,
                "billed_min": bill[0],
                "billed_max": bill[1],
            }
            if (price := self.prices.get(provider)) is not None:
                # Prices are for 1,000 units, as vendors' lists have them.
                row |= {"cost_min": bill[0] * price / 1000, "cost_max": bill[1] * price / 1000}
            rows.append(row)
        return Table(rows, _columns(rows, "provider"), UNITS)

    def against_truth(self) -> Table:
        """Return a row for each provider: how it does against the reference, with intervals of 95 % confidence.

        Faces and tags have precision, recall and F1, ages their mean error in years, texts the rates of wrong
        characters and words, labels accuracy and kappa. ``n`` is the number of inputs that are in the reference and
        that the provider has answered. The intervals are by the percentile bootstrap over these inputs.

        Raises:
            SettingsError: No reference was given (``truth=``).
            InputError: The reference does not fit the inputs, or lacks a column.
        """
        if self.truth is None:
            raise SettingsError("there is no reference", advice="Give truth= a table of what is true.")
        true = self.measure.true(rows_by_item(self.truth, self.names))
        rows = []
        for provider in self.providers:
            answers = self.answers(provider)
            both = [(answers[item], true[item]) for item in sorted(answers.keys() & true.keys())]
            rows.append({"provider": provider, "n": len(both), **(self.measure.against(both) if both else {})})
        return Table(rows, _columns(rows, "provider", "n"), UNITS)

    def agreed(self, k: int = 2) -> Table:
        """Return what at least ``k`` providers have said of each input, who did (``providers``), and how many (``n``).

        Faces are put together by their boxes, and objects by their boxes and names, each provider's at most once; the
        box of a row is the mean of theirs. A tag, a content word of a caption, a line of a text or a label counts where
        it is the same but for case.

        Args:
            k: How many providers; 1 gives all that anybody has said.

        Raises:
            SettingsError: ``k`` is not between 1 and the number of providers.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(self.providers):
            raise SettingsError(f"k={k!r}", advice=f"Give 1 to {len(self.providers)}, the number of providers.")
        answers = {provider: self.answers(provider) for provider in self.providers}
        rows = []
        for item, name in enumerate(self.names):
            said = {provider: self.measure.things(each[item]) for provider, each in answers.items() if item in each}
            for group in _groups(said, self.measure):
                if len(group) >= k:
                    head = {"item": item, "input": name, "n": len(group), "providers": ", ".join(group)}
                    rows.append({**head, **_common(list(group.values()))})
        return Table(rows, _columns(rows, "item", "input", "n", "providers"))

    @property
    def unanswered(self) -> dict[str, str]:
        """For each provider that did not answer all inputs, for how many there is no answer, and the first reason."""
        reasons = {}
        for provider, outcomes in self.outcomes.items():
            missing = [outcome for outcome in outcomes if outcome.result is None]
            if missing:
                why = self.problems.get(provider) or next((o.error for o in missing if o.error), None)
                reasons[provider] = f"no answer to {len(missing)} of {len(outcomes)} inputs: {why}"
        return reasons

    def __str__(self) -> str:
        parts = [str(self.per_pair().filled()), str(self.per_provider().filled())]
        if self.truth is not None:
            parts.append(str(self.against_truth().filled()))
        notes = [f"{provider}: {why}" for provider, why in self.unanswered.items()]
        return "\n\n".join([*parts, *notes, self.method])

    def _repr_html_(self) -> str:
        return self.per_pair().filled()._repr_html_() + self.per_provider().filled()._repr_html_()


def _columns(rows: Sequence[Mapping[str, Any]], *first: str) -> list[str]:
    return list(dict.fromkeys([*first, *(name for row in rows for name in row)]))


def _groups(said: Mapping[str, Sequence[Boxed]], measure: Measure[Any]) -> list[dict[str, Boxed]]:
    """Return the things of one input that are the same, each with who said it, in the order in which they come."""
    things = [(provider, thing) for provider, each in said.items() for thing in each]
    group_of = [{provider: thing} for provider, thing in things]
    # The pairs that are most alike come first, so that a face is put to its nearest and not to its first neighbour.
    for one, other in _same(things, measure):
        a, b = group_of[one], group_of[other]
        if a is not b and not a.keys() & b.keys():  # a provider does not say one thing twice
            a.update(b)
            group_of = [a if group is b else group for group in group_of]
    order = {provider: number for number, provider in enumerate(said)}
    unique = {id(group): group for group in group_of}.values()
    return [dict(sorted(group.items(), key=lambda pair: order[pair[0]])) for group in unique]


def _same(things: Sequence[tuple[str, Boxed]], measure: Measure[Any]) -> list[tuple[int, int]]:
    """Return the pairs of things of different providers that are the same, those first that are most alike."""
    alike = []
    for (i, (who, one)), (j, (whose, other)) in combinations(enumerate(things), 2):
        if who == whose:
            continue
        share = measure.alike(one, other)
        if share >= measure.least:
            alike.append((-share, i, j))
    return [(i, j) for _, i, j in sorted(alike)]


def _common(things: Sequence[Boxed]) -> dict[str, Any]:
    """Return the name of a thing, or the mean of its boxes and the years that the ranges of its ages reach over."""
    boxes: list[Box] = [thing.box for thing in things if thing.box]
    if not boxes:
        return {"name": things[0].name}
    head = {"name": things[0].name} if things[0].name else {}
    row: dict[str, Any] = {
        name: sum(getattr(box, name) for box in boxes) / len(boxes) for name in ("x", "y", "width", "height")
    }
    if years := [thing.years for thing in things if thing.years]:
        # The widest range is given: a mean would promise more than any of the providers does.
        row |= {"age_low": min(low for low, _ in years), "age_high": max(high for _, high in years)}
    return {**head, **row}

"""Batches of several providers: who is asked, what is parked, what the journal keeps, what a run repeats."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cloudai import Local, SettingsError
from cloudai.batch.journal import Journal
from cloudai.core.flow import Request, Response
from cloudai.errors import ConnectError, ConnectionLostError
from tests.made_up.calls import as_json
from tests.made_up.provider import Clock, ok, refused
from tests.made_up.several import NAMES, Vendors, asked
from tests.support.batches import Batcher, Done, both
from tests.support.length import both_by_turns

TEXTS = [f"후기 {n}" for n in range(40)]
FIRST, SECOND, THIRD = NAMES


def run(
    colour: str,
    vendors: Vendors,
    names: Any = NAMES,
    texts: Any = TEXTS,
    *,
    clock: Any = None,
    concurrency: int = 4,
    **settings: Any,
) -> Done:
    """Run a batch of the vendors of these names, in order."""
    clock = clock or Clock()
    providers = [name if not isinstance(name, str) else asked([name])[0] for name in names]
    client = {"clock": clock, "sleep": clock.sleep}
    return Batcher(colour, providers, vendors, client)("sentiment", texts, concurrency=concurrency, **settings)


def lost(_: Request) -> Response:
    """Raise the error of a connection that breaks."""
    raise ConnectionLostError("reset")


def closed(_: Request) -> Response:
    """Raise the error of an address where nobody listens."""
    raise ConnectError("refused")


def spent(_: Request) -> Response:
    """Answer that the quota of the month is spent."""
    return Response(429, {}, as_json({"error": "spent", "quota": "month"}))


def rows_of(journal: Path, query: str = "SELECT status, COUNT(*) FROM items GROUP BY status") -> list[Any]:
    """Return what a journal has written down of its inputs: how many ended in which way."""
    opened = Journal(journal, make=False)
    try:
        return list(opened.read(lambda db: list(db.execute(query))))
    finally:
        opened.close()


@both_by_turns("fault", [spent, closed, lambda _: refused(401), lambda _: refused(403)])
def test_another_provider_answers_what_one_cannot(colour: str, fault: Any) -> None:
    """Without a key, a quota or a connection the next provider answers all inputs, and each row says so."""
    vendors = Vendors(**{FIRST: fault})
    done = run(colour, vendors)
    assert done.books == {"submitted": 40, "done": 40, "failed": 0, "in_doubt": 0, "skipped": 0, "not_started": 0}
    assert done.error is None
    assert set(done.values("provider")) == {SECOND}
    assert vendors.count(SECOND) == 40
    assert vendors.count(THIRD) == 0
    # Each of the four workers may have been about to ask the first provider when its first call fails.
    assert 1 <= vendors.count(FIRST) <= 4 * 3
    assert all(tried.startswith(f"{FIRST} (") for tried in done.values("tried"))
    assert set(done.values("billed_max")) == {1}
    assert all(outcome.result.meta.tried for outcome in done.outcomes if outcome.result)


@both
def test_what_may_have_been_billed_is_parked(colour: str, tmp_path: Path) -> None:
    """A request that may have been carried out is in doubt, and nobody else is asked for its input."""
    vendors = Vendors(**{FIRST: lost})
    done = run(colour, vendors, journal=tmp_path / "일.journal")
    n = done.books["in_doubt"]
    assert 1 <= n <= 4
    assert done.books["done"] == 40 - n
    assert vendors.count(SECOND) == 40 - n
    statuses = Counter(zip(done.values("status"), done.values("provider"), strict=True))
    assert statuses == {("in_doubt", FIRST): n, ("ok", SECOND): 40 - n}
    # The next run asks only the first provider, and only for these inputs, which may be billed twice.
    del vendors.answers[FIRST]
    before = vendors.count(FIRST)
    again = run(colour, vendors, journal=tmp_path / "일.journal")
    assert (again.sent, vendors.count(FIRST) - before, vendors.count(SECOND)) == (n, n, 40 - n)
    assert again.books["done"] == 40
    assert Counter(again.values("provider")) == {FIRST: n, SECOND: 40 - n}
    # With in_doubt="skip" the inputs in doubt are left out.
    assert run(colour, vendors, journal=tmp_path / "일.journal", in_doubt="skip").sent == 0


@both
def test_what_may_have_been_billed_is_asked_elsewhere_where_the_user_says_so(colour: str, tmp_path: Path) -> None:
    """With in_doubt="resend" the next provider answers at once, and the row counts what the first may have billed."""
    vendors = Vendors(**{FIRST: lost})
    done = run(colour, vendors, journal=tmp_path / "일.journal", in_doubt="resend")
    assert done.books["done"] == 40
    assert set(done.values("provider")) == {SECOND}
    assert sum(done.values("billed_max")) == vendors.count(FIRST) + 40
    assert sum(done.values("billed_min")) == 40
    assert sum(done.values("attempts")) == vendors.count(FIRST) + 40
    again = run(colour, vendors, journal=tmp_path / "일.journal", in_doubt="resend")
    assert again.sent == 0
    assert rows_of(tmp_path / "일.journal") == [("ok", 40)]
    assert again.values("billed_max") == done.values("billed_max")
    assert again.values("provider") == done.values("provider")


@both
def test_the_bill_of_a_later_provider_is_not_lost(colour: str, tmp_path: Path) -> None:
    """If the first provider answers, the row still has what another one may have billed in an earlier run."""
    vendors, journal = Vendors(**{SECOND: lost}), tmp_path / "일.journal"
    run(colour, vendors, [SECOND], TEXTS[:1], journal=journal)
    before = vendors.count(SECOND)
    done = run(colour, vendors, [FIRST, SECOND], TEXTS[:1], journal=journal, in_doubt="resend")
    assert (done.sent, done.values("provider"), vendors.count(SECOND)) == (1, [FIRST], before)
    assert (done.values("billed_min"), done.values("billed_max")) == ([1], [1 + before])
    again = run(colour, vendors, [FIRST, SECOND], TEXTS[:1], journal=journal)
    assert (again.sent, again.values("billed_max")) == (0, [1 + before])


@both
def test_a_fault_of_an_input_is_its_own(colour: str, tmp_path: Path) -> None:
    """An input that the first provider refuses is asked of nobody else, in this run or another."""

    def picky(request: Request) -> Response:
        return refused(400) if request.json["text"].endswith("7") else ok({"score": 0.1})

    vendors = Vendors(**{FIRST: picky})
    done = run(colour, vendors, journal=tmp_path / "일.journal")
    assert done.books["failed"] == 4
    assert Counter(done.values("provider")) == {FIRST: 40}
    assert (vendors.count(FIRST), vendors.count(SECOND)) == (40, 0)
    assert run(colour, vendors, journal=tmp_path / "일.journal").sent == 0


@both
def test_what_any_of_them_has_answered_is_done(colour: str, tmp_path: Path) -> None:
    """A journal of one provider, or of the same ones in another order, answers a batch of several."""
    journal = tmp_path / "일.journal"
    vendors = Vendors()
    assert run(colour, vendors, [SECOND], TEXTS[:10], journal=journal).sent == 10
    done = run(colour, vendors, journal=journal)
    assert (done.sent, vendors.count(FIRST), vendors.count(SECOND)) == (30, 30, 10)
    assert done.values("provider") == [SECOND] * 10 + [FIRST] * 30
    assert done.values("cached") == [True] * 10 + [False] * 30
    for names in (NAMES, NAMES[::-1], (THIRD, SECOND, FIRST)):
        again = run(colour, vendors, names, journal=journal)
        assert again.sent == 0
        assert again.values("provider") == done.values("provider")
    other = run(colour, Vendors(), [SECOND], ["가", "나", "다"], journal=tmp_path / "다른.journal")
    other = run(colour, Vendors(), NAMES, ["다", "가", "나"], journal=tmp_path / "다른.journal")
    assert (other.sent, other.values("duplicate_of"), other.values("billed_max")) == (0, [None] * 3, [1] * 3)
    alone = run(colour, vendors, [FIRST], TEXTS[10:], journal=journal)
    assert alone.sent == 0
    assert alone.books["done"] == 30


@both
def test_what_one_has_given_up_is_asked_of_the_next(colour: str, tmp_path: Path) -> None:
    """Inputs at which a vendor alone has broken three times are asked elsewhere, where the user says so, and once."""
    journal = tmp_path / "일.journal"

    def breaks(request: Request) -> Response:
        return refused(500) if request.json["text"].endswith("7") else ok({"score": 0.1})

    vendors = Vendors(**{FIRST: breaks})
    for _ in range(2):
        alone = run(colour, vendors, [FIRST], journal=journal)
    assert alone.books["failed"] == 4
    spent = [row for row in alone.table if row["status"] == "failed"]
    assert run(colour, vendors, [FIRST, SECOND], journal=journal).books["failed"] == 4  # it may have been billed
    before = vendors.count(FIRST)
    for given in (NAMES, NAMES, NAMES[::-1]):
        done = run(colour, vendors, given, journal=journal, in_doubt="resend")
        assert done.books["done"] == 40
        assert (vendors.count(FIRST), vendors.count(SECOND), vendors.count(THIRD)) == (before, 4, 0)
        assert done.balanced
    rows = [row for row in done.table if row["item"] % 10 == 7]
    assert {row["provider"] for row in rows} == {SECOND}
    assert [row["billed_max"] for row in rows] == [row["billed_max"] + 1 for row in spent]
    # If the last provider has given an input up as well, the input has failed, and soon nobody is asked again. While
    # the first provider is left out for a time, an input is not asked of it, and so is asked once more in a later run.
    # The inputs go out one by one, so that the last provider answers others after each of those at which it has broken.
    vendors.answers[THIRD] = breaks
    sent = []
    while (not sent or sent[-1]) and len(sent) < 9:
        last = run(colour, vendors, [FIRST, THIRD], journal=tmp_path / "둘.journal", in_doubt="resend", concurrency=1)
        sent.append(last.sent)
    assert (sent[-1], last.books["failed"]) == (0, 4)
    assert sum(sent[1:]) <= 4 * 3 * 2  # three tries of each input at each provider


@both
def test_a_limit_is_for_all_of_them(colour: str) -> None:
    """max_requests and max_units count what is sent to any provider; once one is reached nobody is asked."""
    vendors = Vendors(**{FIRST: lost})
    done = run(colour, vendors, in_doubt="resend", max_units=12)
    assert vendors.count(FIRST) + vendors.count(SECOND) + vendors.count(THIRD) <= 12
    assert done.sent == len(vendors.requests)
    assert done.books["not_started"] >= 20
    assert done.balanced
    assert done.paused == "max_units=12 is reached"
    # The limit also holds for inputs that an engine on this machine would answer, which sends nothing.
    texts = [f"A good day, number {n}." for n in range(20)]
    done = run(colour, Vendors(), [FIRST, Local()], texts, max_requests=5)
    assert (done.sent, done.books["done"], done.books["not_started"]) == (5, 5, 15)


@both
def test_where_nobody_answers_the_batch_pauses(colour: str, tmp_path: Path) -> None:
    """If the last provider is down too, the batch pauses as that of a single one does, and blames no input."""
    vendors = Vendors(**dict.fromkeys(NAMES, closed))
    done = run(colour, vendors, journal=tmp_path / "일.journal")
    assert type(done.error).__name__ == "PausedError"
    assert done.books["failed"] == done.books["done"] == 0
    assert done.balanced
    vendors.answers.clear()
    again = run(colour, vendors, journal=tmp_path / "일.journal")
    assert again.books["done"] == 40
    assert again.sent == 40


@both
def test_a_provider_that_recovers_is_asked_again(colour: str) -> None:
    """After its time one input probes the first provider, and the rest of the batch goes there once it answers."""

    class Slow(Clock):
        def __call__(self) -> float:
            return self.now

    clock = Slow()

    def down(_: Request) -> Response:
        raise ConnectError("refused")

    def second(_: Request) -> Response:
        clock.now += 2.0
        if clock.now > 25:
            vendors.answers.pop(FIRST, None)
        return ok({"score": 0.2})

    vendors = Vendors(**{FIRST: down, SECOND: second})
    done = run(colour, vendors, clock=clock)
    who = Counter(done.values("provider"))
    assert who[FIRST] + who[SECOND] == 40
    assert who[SECOND] >= 10
    assert who[FIRST] >= 15


@both
def test_an_input_that_nobody_can_read(colour: str, tmp_path: Path) -> None:
    """An input without any provider that can is asked of nobody; one without a key is passed over, and named."""
    vendors = Vendors()
    no_key = asked([FIRST], **{FIRST: {"key": None}})[0]
    done = run(colour, vendors, [no_key, SECOND])
    assert set(done.values("tried")) == {f"{FIRST} (SettingsError)"}
    assert vendors.count(SECOND) == 40
    # The last provider has no key, so the batch waits for the one before it.
    done = run(colour, Vendors(**{SECOND: closed}), [SECOND, no_key])
    assert type(done.error).__name__ == "PausedError"
    assert "refused" in str(done.error)
    with pytest.raises(SettingsError, match="twice"):
        run(colour, vendors, [SECOND, SECOND])


@both
def test_copies_are_paid_once(colour: str, tmp_path: Path) -> None:
    """The same text twice is asked once, whoever answers, also while the first provider fails."""
    vendors = Vendors(**{FIRST: lost})
    done = run(colour, vendors, texts=TEXTS[:5] * 4, in_doubt="resend", journal=tmp_path / "일.journal")
    assert vendors.count(SECOND) == 5
    assert done.books["done"] == 20
    assert sum(done.values("billed_max")) == vendors.count(FIRST) + 5
    again = run(colour, vendors, texts=TEXTS[:5] * 4, in_doubt="resend", journal=tmp_path / "일.journal")
    assert again.sent == 0
    assert sum(again.values("billed_max")) == vendors.count(FIRST) + 5


@both
def test_the_plan_names_who_is_asked(colour: str) -> None:
    """The plan is that of the first provider that can, and says who else may be asked."""
    no_key = asked([FIRST], **{FIRST: {"key": None}})[0]
    plan = run(colour, Vendors(), [no_key, SECOND, THIRD], plan=True).plan
    assert plan is not None
    assert plan.providers == (SECOND, THIRD)
    assert f"{SECOND}, and only for what it does not answer {THIRD}" in str(plan)
    assert plan.hosts == ("1.vendor.example",)
    assert (plan.requests, plan.units) == (40, 40)
    assert "asks" not in str(run(colour, Vendors(), [FIRST], plan=True).plan)


@both
def test_reading_replies_anew_takes_the_provider_that_sent_them(colour: str, tmp_path: Path) -> None:
    """Batch.reparse reads each reply by the provider that answered."""
    vendors = Vendors(**{FIRST: spent})
    done = run(colour, vendors, reparse=True, journal=tmp_path / "일.journal")
    assert done.reparsed == 40
    assert {outcome.result.meta.model for outcome in done.outcomes if outcome.result} == {SECOND}
    assert done.manifest["provider"] == ", ".join(NAMES)
    assert done.manifest["books"] == {"ok": 40}
    assert done.manifest["models"] == [SECOND]


@both_by_turns("fault", [closed, lost, lambda _: refused(403)])
def test_a_killed_run_goes_on(colour: str, fault: Any, tmp_path: Path) -> None:
    """What any provider had answered before a kill is not sent again; each input has one row, and the books balance."""
    journal, copy = tmp_path / "일.journal", tmp_path / "사본.journal"
    lock, numbers = threading.Lock(), itertools.count(1)

    def second(_: Request) -> Response:
        with lock:  # no other request is answered while the files are copied
            if next(numbers) == 20:  # what is on the disk at this moment is what a kill would leave
                for end in ("", "-wal"):
                    shutil.copy(f"{journal}{end}", f"{copy}{end}")
        return ok({"score": 0.2})

    vendors = Vendors(**{FIRST: fault, SECOND: second})
    run(colour, vendors, journal=journal, in_doubt="resend")
    before = vendors.count(SECOND)
    assert before == 40
    del vendors.answers[FIRST], vendors.answers[SECOND]
    vendors.requests.clear()
    done = run(colour, vendors, journal=copy, in_doubt="resend")
    # Nineteen inputs were answered, and the journal may lack the answers to three of them; the others were never sent.
    assert 21 <= done.sent == len(vendors.requests) <= 24
    assert done.books["done"] == done.books["submitted"] == 40
    assert done.values("item") == list(range(40))
    assert vendors.count(SECOND) == 0
    # The next run finds every input in the journal, and sends nothing.
    again = run(colour, Vendors(), journal=copy, texts=TEXTS)
    assert again.sent == 0
    assert again.values("status") == ["ok"] * 40


@both
def test_a_journal_after_a_kill_names_each_input_once(colour: str, tmp_path: Path) -> None:
    """An input that two providers were asked for when the run was killed is one input in doubt, with both bills."""
    journal, copy = tmp_path / "일.journal", tmp_path / "사본.journal"

    def second(_: Request) -> Response:
        if not copy.exists():
            for end in ("", "-wal"):
                shutil.copy(f"{journal}{end}", f"{copy}{end}")
        return ok({"score": 0.2})

    vendors = Vendors(**{FIRST: lost, SECOND: second})
    run(colour, vendors, texts=TEXTS[:1], journal=journal, in_doubt="resend")
    done = run(colour, vendors, texts=[TEXTS[1]], journal=copy, in_doubt="skip", max_requests=0)
    assert [row for row in rows_of(copy) if row[0] == "in_doubt"] == [("in_doubt", 1)]
    [facts] = rows_of(copy, "SELECT facts FROM items WHERE status = 'in_doubt'")
    assert json.loads(facts[0])["billed_max"] == 2 + 1
    assert done.balanced

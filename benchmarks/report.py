"""Write what was measured into docs/performance.md, between its two marks, and draw docs/performance.svg."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.growth import Fit
from benchmarks.measure import Measured
from benchmarks.plot import bars
from benchmarks.rows import ROWS, Row

__all__ = ["Figures", "text", "written"]

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PACKAGES = (
    *(
        "cloudai",
        "httpx2",
        "pydantic",
        "pybase64",
        "httptools",
        "httpx-aiohttp",
        "aiohttp",
        "google-cloud-vision",
        "grpcio",
    ),
    *("azure-cognitiveservices-vision-computervision", "azure-ai-vision-imageanalysis", "azure-ai-textanalytics"),
    "ibm-watson",
)


class Figures:
    """All that one run has measured."""

    subjects: Mapping[str, Measured]
    startup: Mapping[str, float]
    growth: Mapping[str, Fit]
    memory: tuple[int, float, float]
    """The number of inputs, and the bytes held at the middle and at the end."""
    drain: Mapping[str, tuple[int, float, float]]
    """The number of inputs, the virtual seconds taken and the fewest possible, by pace."""
    rounds: int


def written(figures: Figures) -> None:
    """Write the page and the drawing."""
    page = DOCS / "performance.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text(figures)}\n{END}{rest.partition(END)[2]}", "utf-8")
    groups = [
        (row.work, {WHO[n]: _us(figures.subjects[name].least) for n, name in enumerate(row.subjects)}) for row in ROWS
    ]
    (DOCS / "performance.svg").write_text(bars(groups, "Processor microseconds for each call"), "utf-8")


WHO = ("cloudai", "httpx2 + json", "vendor's package", "vendor's package, gRPC")


def text(figures: Figures) -> str:
    """Return the measured part of the page."""
    return "\n".join(
        [
            *_machine(figures.rounds),
            *_single(figures.subjects),
            *_in_flight(figures.subjects),
            *_transports(figures.subjects),
            *_batches(figures.subjects),
            *_start(figures.startup),
            *_growth(figures.growth),
            *_long(figures),
        ]
    )


def _us(seconds: float) -> float:
    return seconds * 1e6


def _shown(each: Measured) -> str:
    return f"{_us(each.least):,.0f} ({_us(each.median):,.0f})"


def _machine(rounds: int) -> Iterator[str]:
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    yield (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in {rounds} rounds on {os.cpu_count()} cores of {cpu}, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, with "
        f"{', '.join(filter(None, map(_versioned, PACKAGES)))}."
    )
    yield ""


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def _single(subjects: Mapping[str, Measured]) -> Iterator[str]:
    yield "Processor microseconds for each call: the least of all rounds, and in brackets the median."
    yield ""
    yield "| same work | cloudai | httpx2 + json | vendor's package | ours by httpx2 | goal | package by ours | goal |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in ROWS:
        ours, plain, *theirs = (subjects[name] for name in row.subjects)
        # Behind the vendor's packages come the subjects of `also`, which have no name in the table.
        packages = " · ".join(f"{name} {_shown(each)}" for name, each in zip(row.vendor, theirs, strict=False)) or "–"
        ratio = ours.least / plain.least
        of_vendor = f"{theirs[0].least / ours.least:.1f} ×" if theirs else "–"
        least = f"≥ {row.vendor_at_least:g} ×" if row.vendor_at_least else "–"
        yield (
            f"| {row.work} | {_shown(ours)} | {_shown(plain)} | {packages} | {ratio:.2f} × | ≤ {row.most:g} ×"
            f" | {of_vendor} | {least} |"
        )
    yield ""
    yield "![The table above as bars](performance.svg)"
    yield ""


def _in_flight(subjects: Mapping[str, Measured]) -> Iterator[str]:
    yield "Calls at the same time, each with a 30 kB picture of Google's row:"
    yield ""
    yield "| | cloudai | httpx2 + json | google-cloud-vision, REST, in threads |"
    yield "|---|---|---|---|"
    waiting = [subjects[f"google {who} awaiting"] for who in ("cloudai", "httpx2")]
    yield f"| 32 in flight, answers at once: microseconds for each | {' | '.join(map(_shown, waiting))} | – |"
    many = [subjects[f"128 {who}"] for who in ("cloudai", "httpx2", "SDK")]
    yield (
        "| 128 in flight, answers after 250 ms, one core: calls a second (512 is ideal) | "
        f"{' | '.join(f'{each.per_second:.0f}' for each in many)} |"
    )
    yield ""


def _transports(subjects: Mapping[str, Measured]) -> Iterator[str]:
    yield "The transports that there were to choose from, with the same request and `json.loads`, and nothing else:"
    yield ""
    yield "| transport | blocking | 32 in flight | 128 in flight, answers after 250 ms, one core |"
    yield "|---|---|---|---|"
    for who, name in (
        ("ours", "our own connections, on httptools"),
        ("httpx2", "httpx2 as it is"),
        ("aiohttp", "httpx2 over aiohttp, by httpx-aiohttp"),
    ):
        blocking = _shown(subjects[f"transport {who}"]) if f"transport {who}" in subjects else "it only awaits"
        many = subjects[f"transport {who} 128"].per_second
        yield f"| {name} | {blocking} | {_shown(subjects[f'transport {who} awaiting'])} | {many:.0f} a second |"
    yield ""
    yield (
        "Our own connections were chosen because they take the least time in both kinds of client, and because a "
        "library's pool cannot promise all of [reliability](reliability.md): that an exchange ends at its deadline "
        "however slowly the bytes come, that an early refusal is heard, and that no interrupt loses a connection. "
        "aiohttp has no blocking client. HTTP/2 was left out, because a call at a time gains nothing by it, and a lost "
        "packet holds up all calls of a connection."
    )
    yield ""


def _batches(subjects: Mapping[str, Measured]) -> Iterator[str]:
    names = [name for name in subjects if name.startswith("batch")]
    yield "Batches of pictures of 30 kB, 128 requests in flight, answers after 250 ms, faces asked for and none found:"
    yield ""
    yield "| batch | pictures a second | microseconds for each | beside one by one |"
    yield "|---|---|---|---|"
    base = subjects["batch one by one"].per_second
    for name in names:
        each = subjects[name]
        times = each.per_second / base
        yield f"| {name.removeprefix('batch ')} | {each.per_second:.0f} | {_shown(each)} | {times:.1f} × |"
    yield ""


def _start(startup: Mapping[str, float]) -> Iterator[str]:
    yield "Starting, in processor milliseconds of a fresh process:"
    yield ""
    yield "| step | ms |"
    yield "|---|---|"
    yield from (f"| {name} | {value:.1f} |" for name, value in startup.items())
    yield ""


def _growth(growth: Mapping[str, Fit]) -> Iterator[str]:
    yield "A call without a network, by what its reply holds, and a straight line through the figures (least squares):"
    yield ""
    yield "| what | number: microseconds | line |"
    yield "|---|---|---|"
    for name, fit in growth.items():
        points = ", ".join(f"{n}: {t:,.0f}" for n, t in zip(fit.sizes, fit.times, strict=True))
        start, slope = fit.line
        yield f"| {name} | {points} | {start:,.0f} + {slope:.1f} for each |"
    yield ""


def _long(figures: Figures) -> Iterator[str]:
    n, middle, end = figures.memory
    yield (
        f"A batch of {n:,} texts with a journal held {middle / 1e3:,.0f} kB at its half and {end / 1e3:,.0f} kB "
        "shortly before its end."
    )
    for pace, (inputs, taken, least) in figures.drain.items():
        yield f"{inputs:,} texts at {pace} took {taken:,.1f} s of a virtual clock, and the quota allows {least:,.1f} s."
    yield ""


def missed(subjects: Mapping[str, Measured], rows: Sequence[Row] = ROWS) -> list[str]:
    """Return a sentence for each row that misses a goal."""
    sentences = []
    for row in rows:
        ours, plain, *theirs = (subjects[name] for name in row.subjects)
        if (ratio := ours.least / plain.least) > row.most:
            sentences.append(f"{row.work}: {ratio:.2f} × httpx2 + json, and the goal is {row.most:g} ×")
        if row.vendor_at_least and (times := theirs[0].least / ours.least) < row.vendor_at_least:
            sentences.append(
                f"{row.work}: the vendor's package takes {times:.1f} ×, the goal is {row.vendor_at_least:g}"
            )
    return sentences


if __name__ == "__main__":
    sys.exit("python -m benchmarks measures and writes")

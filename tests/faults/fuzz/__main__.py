"""Fuzzes: ``python -m tests.faults.fuzz --seconds 600``, each target for its share of the time.

By coverage, with atheris, where it is installed; else by chance. What is found is written to ``out/fuzz``: mend it, and
keep the file in ``tests/faults/fuzz/corpus`` as "found-…".
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.fuzz import CORPUS

FOUND = Path("out/fuzz")


def main() -> int:
    """Fuzz, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz")
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together (default: %(default)s)")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.run:
        return with_atheris(options.run, rest)
    from tests.faults.fuzz.targets import TARGETS

    chosen = options.target or list(TARGETS)
    FOUND.mkdir(parents=True, exist_ok=True)
    by_coverage = importlib.util.find_spec("atheris") is not None
    failed = [name for name in chosen if not fuzzed(name, options.seconds / len(chosen), by_coverage)]
    print(f"found something in: {', '.join(failed)}; see {FOUND}" if failed else "found nothing")
    return bool(failed)


def fuzzed(name: str, seconds: float, by_coverage: bool) -> bool:
    """Fuzz one target in a process of its own; whether nothing was found."""
    print(f"--- {name}, {seconds:.0f} s", flush=True)
    if not by_coverage:
        return by_chance(name, seconds)
    with tempfile.TemporaryDirectory() as new:
        command = [sys.executable, "-m", "tests.faults.fuzz", "--run", name, new, str(CORPUS / name)]
        limits = [f"-max_total_time={max(1, int(seconds))}", "-timeout=10", "-rss_limit_mb=1024"]
        places = [f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1"]
        log = FOUND / f"{name}.log"
        with log.open("wb") as out:  # libtiff and others have a lot to say
            ended = subprocess.run([*command, *limits, *places], check=False, stdout=out, stderr=out).returncode
    lines = log.read_text("utf-8", "replace").splitlines()
    print("\n".join([line for line in lines if line.startswith(("#", "Done"))][-2:] if ended == 0 else lines[-30:]))
    return ended == 0


def with_atheris(name: str, arguments: list[str]) -> int:
    """Fuzz one target with atheris, in this process."""
    import atheris

    with atheris.instrument_imports(include=["cloudai", "tinytag", "PIL"]):
        from tests.faults.fuzz.targets import TARGETS, prepare
    prepare()
    (CORPUS / name).mkdir(exist_ok=True, parents=True)
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


def by_chance(name: str, seconds: float) -> bool:
    """Try files of the corpus that are changed at random, for computers without atheris."""
    import random
    import time

    from tests.faults.fuzz.targets import TARGETS, prepare
    from tests.faults.fuzz.test_fuzz import changed, kept

    prepare()
    dice, ends, tries = random.Random(), time.monotonic() + seconds, 0  # noqa: S311
    seeds = kept(name)
    while time.monotonic() < ends:
        data, tries = changed(dice, seeds), tries + 1
        try:
            TARGETS[name](data)
        except Exception as error:  # that is what is looked for
            place = FOUND / f"{name}-{tries}"
            place.write_bytes(data)
            print(f"{type(error).__name__}: {error}; {place}")
            return False
    print(f"{tries} tries")
    return True


if __name__ == "__main__":
    sys.exit(main())

"""Programs that stand for those which the local engine runs, for machines that do not have these."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from tests.support.paths import FIXTURES

__all__ = ["espeak", "tesseract", "written"]

TESSERACT = """#!{python}
import sys
if sys.argv[1:] == ["--list-langs"]:
    print("List of available languages (2):\\nkor\\neng")
    sys.exit()
assert sys.argv[1] == "stdin" and sys.argv[3:5] == ["-l", "{codes}"] and sys.argv[5:7] == ["--psm", "{mode}"], sys.argv
assert sys.stdin.buffer.read(2) == b"P5"
open(sys.argv[2] + ".txt", "w", encoding="utf-8").write("나무 그늘\\n")
rows = [(4, 5, 7, 100, 30, -1, ""), (5, 5, 0, 20, 90, 96.5, "나")]
rows += [(5, 25, 7, 20, 30, 90.5, "무"), (5, 60, 7, 40, 30, 90, "그늘")]
table = "\\n".join("\\t".join(map(str, (r[0], 1, 1, 1, 1, 1, *r[1:]))) for r in rows)
open(sys.argv[2] + ".tsv", "w", encoding="utf-8").write("level\\tpage_num\\n" + table)
"""


def written(folder: Path, name: str, text: str) -> Path:
    """Return a script that can be run as a program."""
    path = folder / name
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def tesseract(folder: Path, codes: str = "kor+eng", mode: str = "4") -> Path:
    """Return a program that reads two Korean words in any picture, if asked with these languages and this mode."""
    return written(folder, "테서랙트", TESSERACT.format(python=sys.executable, codes=codes, mode=mode))


ESPEAK = """#!{python}
import shutil, sys
if sys.argv[1:] == ["--voices"]:
    print("Pty Language Age/Gender VoiceName File Other\\n 5 ko --/M Korean ko")
    sys.exit()
assert sys.argv[1:3] == ["-v", "ko"] and sys.argv[-1] == "--stdin", sys.argv
assert sys.stdin.read() == "좋아요"
shutil.copy("{sound}", sys.argv[sys.argv.index("-w") + 1])
"""


def espeak(folder: Path) -> Path:
    """Return a program that says one Korean word, which it is given as its input, and knows that language alone."""
    return written(folder, "말하기", ESPEAK.format(python=sys.executable, sound=FIXTURES / "인사.wav"))

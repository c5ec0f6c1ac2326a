"""Read quotations aloud: a sound file each, and a list of the voices that there are.

    python examples/read_aloud.py                                   on this computer, by espeak-ng or a voice of Piper
    python examples/read_aloud.py --sample                          constructed replies of Watson, with no key
    python examples/read_aloud.py mine.csv --provider google --format mp3

A table of yours has the columns author and text, and language and voice if you want to choose. A row that cannot be
read aloud, for example one without text, or in a language that the provider has no voice for, fails alone. The
quotations are by Emily Dickinson (1830-1886) and Kim Sowol (1902-1934), and in the public domain. The sounds of the
sample are tones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client
from cloudai.report import safe_name

SAMPLES = Path(__file__).parent / "samples"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=SAMPLES / "인용.csv", help="a table of quotations")
    parser.add_argument("--sample", action="store_true", help="constructed replies of Watson")
    parser.add_argument("--provider", default="local", help="who reads (default: %(default)s)")
    parser.add_argument("--format", choices=["wav", "mp3", "ogg"], default="wav", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("out/read_aloud"), help="default: %(default)s")
    options = parser.parse_args()
    sample = SAMPLES / "read_aloud.json"
    rows = []
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        quotations = cloudai.read_table(options.file)
        if lacking := [name for name in ("author", "text") if name not in quotations.columns]:
            raise cloudai.InputError(f"{options.file} has no column {' or '.join(lacking)}")
        with sample_client("watson", sample) if options.sample else cloudai.Client(options.provider) as client:
            voices = client.voices()
            voices.table().to_csv(options.out / "voices.csv")
            for number, row in enumerate(quotations):
                language, voice = row.get("language") or None, row.get("voice") or None
                rows.append({**row, "seconds": None, "file": None, "error": None})
                try:
                    speech = client.text_to_speech(
                        row["text"] or "", language=language, voice=voice, format=options.format
                    )
                except (cloudai.InputError, cloudai.BadRequestError, cloudai.UnsupportedOperationError) as error:
                    rows[-1]["error"] = str(error)
                    continue
                # Two quotations may have the same author, so the number of the row keeps their files apart.
                file = speech.save(options.out / safe_name(number, row["author"] or "", f".{options.format}"))
                rows[-1] |= {"seconds": speech.duration, "file": file.name}
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    table = cloudai.Table(rows)
    table.to_csv(options.out / "quotations.csv")
    for language in dict.fromkeys(row["language"] for row in rows if row.get("language")):
        able = [v.name for v in voices if language[:2] in {code.split("-")[0] for code in v.languages}]
        print(f"{len(able)} of {len(voices)} voices for {language}: {', '.join(able[:6])}")
    print(table.filled())
    print("Open:", *sorted(options.out.iterdir()), sep="\n  ")
    return 0 if any(row["file"] for row in rows) else 2


if __name__ == "__main__":
    sys.exit(main())

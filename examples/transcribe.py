"""Write down recordings: subtitles, text, and how far the text is from what was said.

    python examples/transcribe.py --sample                              constructed replies of Azure, with no key
    python examples/transcribe.py lecture.m4a --provider azure --language ko-KR --reference said.txt
    CLOUDAI_SPEECH_MODEL=pocketsphinx python examples/transcribe.py     on this computer, with that package

Without a file two announcements, in English and in Korean, are spoken by espeak-ng here, or else taken from samples/,
where espeak-ng has spoken them. It sounds like a robot, and PocketSphinx understands little of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client
from cloudai.reading import text_of

SAMPLES = Path(__file__).parent / "samples"


def spoken(text: Path, language: str, out: Path) -> Path:
    """Return a recording of a text: made on this computer, or else the one that lies beside the text."""
    try:
        with cloudai.Client("local") as client:
            recording = client.text_to_speech(text.read_text("utf-8"), language=language).save(out / f"{text.stem}.wav")
            print(f"{recording} was spoken by espeak-ng on this computer")
    except cloudai.CloudAIError as error:  # without espeak-ng, or its voice for the language
        recording = text.with_suffix(".ogg")
        print(f"{error}\n{recording} was spoken by espeak-ng on another computer")
    return recording


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="a recording of yours; by default two announcements")
    parser.add_argument("--reference", type=Path, help="a text file of what is said in it")
    parser.add_argument("--sample", action="store_true", help="the announcements, with constructed replies of Azure")
    parser.add_argument("--provider", default="local", help="who listens (default: %(default)s)")
    parser.add_argument("--language", default="en-US", help="the language of your recording (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/transcribe"), help="default: %(default)s")
    options = parser.parse_args()
    sample = SAMPLES / "transcribe.json"
    said = {"en-US": SAMPLES / "announcement.txt", "ko-KR": SAMPLES / "안내 방송.txt"}
    rows = []
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.file:  # the reference is read before anything is paid for
            inputs = [(options.file, options.language, text_of(options.reference) if options.reference else None)]
        else:
            inputs = [(spoken(text, language, options.out), language, text_of(text)) for language, text in said.items()]
        with sample_client("azure", sample) if options.sample else cloudai.Client(options.provider) as client:
            for recording, language, reference in inputs:
                try:
                    heard = client.speech_to_text(recording, language=language)
                except cloudai.UnsupportedOperationError as error:
                    print(f"{recording.name}: {error}", file=sys.stderr)
                    continue
                target = options.out / recording.stem
                for write, ending in ((heard.to_srt, ".srt"), (heard.to_vtt, ".vtt"), (heard.to_text, ".txt")):
                    write(target.with_suffix(ending))
                row = {"recording": recording.name, "seconds": heard.duration, "text": heard.text}
                if reference:
                    compared = heard.compare(reference)
                    compared.to_html(target.with_suffix(".html"), title=recording.stem)
                    row |= compared.table()[0]
                rows.append(row)
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if not rows:
        return 2
    table = cloudai.Table(rows)
    table.to_csv(options.out / "transcripts.csv")
    print(table)
    print("Open:", *sorted(options.out.iterdir()), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())

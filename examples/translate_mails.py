"""Translate e-mails, subject and text; one with odd characters is translated, and one without text has its row.

    python examples/translate_mails.py --sample                       ten invented e-mails, constructed replies of Azure
    python examples/translate_mails.py mails/ --provider google       a folder of .eml files, live
    python examples/translate_mails.py mails/ --provider azure --to ja

No e-mail is skipped: what cannot be translated stands in the table with the reason. An e-mail in HTML keeps its tags.
No engine on this computer translates, so that there is no offline run without the sample.
"""

from __future__ import annotations

import argparse
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import cloudai
from cloudai.cli.demo import sample_client

SAMPLES = Path(__file__).parent / "samples"
KOREAN = ("euc-kr", "ks_c_5601-1987")


def text_of(mail: EmailMessage) -> tuple[str, bool]:
    """Return the text of an e-mail, and whether it is HTML; an EUC-KR text may be CP949, which has more syllables."""
    body = mail.get_body(("plain", "html"))
    if body is None:
        return "", False
    html, charset = body.get_content_subtype() == "html", body.get_content_charset("utf-8")
    content = bytes(body.get_payload(decode=True))
    try:
        return content.decode("cp949" if charset in KOREAN else charset, "replace"), html  # even if it is damaged
    except LookupError:  # an encoding that Python does not know
        return content.decode("utf-8", "replace"), html


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of .eml files of yours; by default ten samples")
    parser.add_argument("--sample", action="store_true", help="the samples, with constructed replies of Azure")
    parser.add_argument("--provider", default="azure", help="who translates (default: %(default)s)")
    parser.add_argument("--source", help="the language of the e-mails; by default it is detected")
    parser.add_argument("--to", default="ko", help="the language to translate into (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/translate_mails"), help="default: %(default)s")
    options = parser.parse_args()
    if not (options.sample or options.folder):
        parser.error("give a folder, or --sample")
    sample = SAMPLES / "translate_mails.json"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        folder = SAMPLES / "메일" if options.sample else options.folder
        if not (files := sorted(file for file in folder.iterdir() if file.suffix.lower() == ".eml")):
            raise cloudai.InputError(f"there is no .eml file in {folder}")
        mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        subjects, texts = [(mail.get("subject", ""), False) for mail in mails], [text_of(mail) for mail in mails]
        said: dict[tuple[str, bool], cloudai.Outcome[cloudai.Translation]] = {}
        with sample_client("azure", sample) if options.sample else cloudai.Client(options.provider) as client:
            # Subjects and texts are given at once, so that they share requests and the quota.
            for html in (False, True):
                alike = [text for text, is_html in subjects + texts if is_html == html]
                new = client.map("translate", alike, to=options.to, source=options.source, html=html)
                said |= {(text, html): outcome for text, outcome in zip(alike, new, strict=True)}
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    for file, subject, text in zip(files, subjects, texts, strict=True):
        rows.append({"mail": file.name})
        outcomes = {"subject": said[subject], "text": said[text]}
        for (name, outcome), (given, _) in zip(outcomes.items(), (subject, text), strict=True):
            rows[-1] |= {name: given, f"{name}_{options.to}": outcome.result.text if outcome.result else None}
        failed = [f"{name}: {outcome.error}" for name, outcome in outcomes.items() if outcome.error]
        rows[-1]["error"] = "; ".join(failed) or None
    table = cloudai.Table(rows, widest_cell=32)
    table.to_csv(options.out / "mails.csv")
    print(table, "Open:", f"  {options.out / 'mails.csv'}", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

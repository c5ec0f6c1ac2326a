"""Measure the peak memory of a process that prepares large pictures, by format, mode, size and number of workers.

    python benchmarks/memory.py [--write]

Every picture but those in GIF and HEIC lies on its side, so that it has to be decoded, turned, shrunk and encoded anew.
The pictures are of one colour, because that costs the same memory and packs fast. Each measurement is a process of its
own, which calls a vendor that is played. With ``--write`` the table is written into docs/memory.md.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "memory.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEGAPIXELS = (12, 64, 108, 200)
WORKERS = (1, 8)
CASES = {
    "baseline JPEG": ("RGB", "L", "CMYK"),
    "progressive JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "L", "RGBA", "I;16"),
    "WebP": ("RGB", "RGBA"),
    "TIFF": ("RGB", "L", "CMYK", "RGBA", "I;16"),
    "GIF": ("L",),
    "HEIC": ("RGB", "L", "RGBA", "I;16"),
}
NAMES = {"I;16": "16 bit", "L": "L"}

CHILD = """
import sys, threading
import cloudai
from cloudai import Response

def send(request):
    return Response(200, {"content-type": "application/json"}, b'{"responses": [{}]}')

path, workers, said = sys.argv[1], int(sys.argv[2]), set()

def call(client):
    try:
        client.detect_faces(path, timeout=600)
        said.add("sent")
    except cloudai.InputError as error:
        said.add("refused" if "memory" in str(error) else str(error))

with cloudai.Client(cloudai.Google(api_key="k" * 30), send=send) as client:
    threads = [threading.Thread(target=call, args=(client,)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
status = open("/proc/self/status").read()  # not ru_maxrss, which begins with what the parent had
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 1_000_000, " / ".join(sorted(said)))
"""


def make(kind: str, mode: str, megapixels: int) -> bytes:
    """Return a picture that lies on its side: three to four, in this format and mode."""
    import PIL.Image

    height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (int(megapixels * 1e6 / height), height)
    colour = {"RGB": (200, 120, 40), "CMYK": (200, 120, 40, 10), "RGBA": (200, 120, 40, 128)}.get(mode, 120)
    image = PIL.Image.new(mode, size, 40_000 if mode == "I;16" else colour)
    exif = PIL.Image.Exif()
    # Orientation 6 says that a viewer has to turn the picture by 90 degrees to the right.
    exif[0x0112] = 6
    out = io.BytesIO()
    if kind == "HEIC":
        import pillow_heif

        # Google Vision, which is played, takes no HEIC, so even a picture that stands upright is encoded anew.
        pillow_heif.from_pillow(image).save(out, quality=50, enc_params={"preset": "ultrafast"})
        return out.getvalue()
    # A GIF file has no EXIF data, and so always stands upright.
    options: dict[str, object] = {} if kind == "GIF" else {"exif": exif}
    if kind == "progressive JPEG":
        options |= {"progressive": True}
    # These are the quickest settings of each encoder, because making the pictures is no part of what is measured.
    if kind == "PNG":
        options |= {"compress_level": 1}
    if kind == "WebP":
        options |= {"method": 0}
    if kind == "TIFF":
        options |= {"compression": "tiff_lzw"}
    image.save(out, kind.rsplit(maxsplit=1)[-1].upper(), **options)
    return out.getvalue()


def measured(path: Path, workers: int) -> str:
    """Return the peak memory of a process with so many workers, in MB, or that the picture was refused."""
    command = [sys.executable, "-c", CHILD, str(path), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, said = done.stdout.strip().split(" ", 1)
    return {"sent": f"{peak} MB", "refused": f"refused, {peak} MB"}.get(said, f"{said}, {peak} MB")


def rows() -> list[str]:
    """Return the table, a line for each format and mode."""
    head = [f"{size} MP, {workers}" for size in MEGAPIXELS for workers in WORKERS]
    lines = ["| format | mode | " + " | ".join(head) + " |", "|" + "---|" * (len(head) + 2)]
    with tempfile.TemporaryDirectory() as folder:
        for kind, modes in CASES.items():
            for mode in modes:
                cells = []
                for size in MEGAPIXELS:
                    path = Path(folder) / "picture"
                    maker = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import memory; "
                    maker += f"open({str(path)!r}, 'wb').write(memory.make({kind!r}, {mode!r}, {size}))"
                    # The picture is made in a process of its own, whose memory a child would not give back.
                    if subprocess.run([sys.executable, "-c", maker], capture_output=True, check=False).returncode:
                        cells += ["cannot be made"] * len(WORKERS)
                        continue
                    cells += [measured(path, workers) for workers in WORKERS]
                lines.append(f"| {kind} | {NAMES.get(mode, mode)} | " + " | ".join(cells) + " |")
                print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure, print and perhaps write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into docs/memory.md")
    options = parser.parse_args()
    table = "\n".join(rows())
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()

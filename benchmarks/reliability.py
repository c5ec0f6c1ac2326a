"""Measure the outcome of one call under each fault, by cloudai and by the vendors' own packages.

    python benchmarks/reliability.py             print the table
    python benchmarks/reliability.py --write     print the table and put it into docs/reliability.md

All of them call the same server. The benchmark needs ``pip install -e ".[dev]"``. Each call runs in a process of its
own, which is killed after six seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the tests have the server

from tests.made_up.calls import VENDORS, Vendor  # noqa: E402
from tests.made_up.faults import FAULTS  # noqa: E402  # after the path is known
from tests.made_up.server import faultd  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PATIENCE = 6.0
TIMEOUT = 1.0

# The good reply comes first, because the rest is worth nothing if a package does not read it in time.
CHOSEN = (
    *("good", "reset before headers", "short body", "reset mid-body", "bad chunk"),
    *("silence", "dripping body", "endless 100 Continue"),
    *("truncated JSON", "web page", "NaN", "text for a number", "missing field", "cut gzip"),
    *("gzip bomb", "endless body", "deep JSON"),
    *("429 seconds", "429 a day", "500", "503", "302 http://127.0.0.1:1/"),
)


def by_cloudai(url: str) -> Any:
    """Make one call by cloudai's client and its Google provider, and return a value of the result."""
    from tests.made_up.calls import to

    from cloudai import Client
    from cloudai.testing import Network

    network = Network()
    with Client(VENDORS["google"].make(), send=lambda r: network(to(url, r)), timeout=TIMEOUT) as client:
        return client.sentiment("맛있어요!").score


def by_google(url: str) -> Any:
    """Make one call by google-cloud-vision over REST, with its default retries, and return a value of the result."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import vision_v1
    from google.cloud.vision_v1.services.image_annotator.transports.rest import ImageAnnotatorRestTransport

    transport = ImageAnnotatorRestTransport(
        host=url.removeprefix("http://"), url_scheme="http", credentials=AnonymousCredentials()
    )
    client = vision_v1.ImageAnnotatorClient(transport=transport)
    request: Any = {"image": {"content": b"x"}, "features": [{"type_": 4}]}
    reply = client.batch_annotate_images(requests=[request], timeout=TIMEOUT)
    return reply.responses[0].label_annotations[0].score


def by_azure(url: str) -> Any:
    """Make one call by azure-cognitiveservices-vision-computervision with its default retries, and return a value."""
    from azure.cognitiveservices.vision.computervision import ComputerVisionClient
    from msrest.authentication import CognitiveServicesCredentials

    client = ComputerVisionClient(url, CognitiveServicesCredentials("not-a-real-key"))
    client.config.connection.timeout = TIMEOUT
    return client.analyze_image("https://pictures.example/a.jpg", visual_features=["Tags"]).tags[0].confidence


def by_watson(url: str) -> Any:
    """Make one call by ibm-watson, and return a value of the result.

    Its retries are off by default, and are switched on here.
    """
    from ibm_cloud_sdk_core.authenticators import BasicAuthenticator
    from ibm_watson import NaturalLanguageUnderstandingV1
    from ibm_watson.natural_language_understanding_v1 import Features, SentimentOptions

    service = NaturalLanguageUnderstandingV1(version="2022-08-10", authenticator=BasicAuthenticator("apikey", "x"))
    service.set_service_url(url)
    service.set_http_config({"timeout": TIMEOUT})
    service.enable_retries(max_retries=2)
    reply = service.analyze(Features(sentiment=SentimentOptions()), text="x").get_result()
    return reply["sentiment"]["document"]["score"]


CLIENTS: dict[str, tuple[Callable[[str], Any], str, Vendor]] = {
    "cloudai": (by_cloudai, "cloudai", VENDORS["google"]),
    "google-cloud-vision": (
        by_google,
        "google-cloud-vision",
        replace(
            VENDORS["google"],
            good={"responses": [{"labelAnnotations": [{"description": "ko", "score": 0.5}]}]},
            required="responses",
        ),
    ),
    "azure computervision": (
        by_azure,
        "azure-cognitiveservices-vision-computervision",
        replace(VENDORS["azure"], good={"tags": [{"name": "ko", "confidence": 0.5}]}, required="tags"),
    ),
    "ibm-watson": (by_watson, "ibm-watson", VENDORS["watson"]),
}


def one(name: str, url: str) -> None:
    """Make one call by a client, and print its value or its error as JSON."""
    try:
        outcome = {"value": repr(CLIENTS[name][0](url))}
    except Exception as error:  # noqa: BLE001  # any error is an outcome to report
        outcome = {"error": type(error).__name__}
    print(json.dumps(outcome))


def measured(name: str, fault: str) -> str:
    """Return one cell of the table: the number of requests that the server saw, the outcome, and the time it took."""
    _, _, vendor = CLIENTS[name]
    with faultd(FAULTS[fault].fault(vendor)) as server:
        began = time.monotonic()
        command = [sys.executable, __file__, "--one", name, server.url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            printed, _ = process.communicate(timeout=PATIENCE)
            outcome = json.loads(printed)
        except subprocess.TimeoutExpired:
            outcome = {"error": "**no end**"}
        # A process that has died printed nothing, which is no JSON.
        except ValueError:
            outcome = {"error": "**process died**"}
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        took = time.monotonic() - began
    result = outcome.get("error") or f"returns {outcome['value']}"
    return f"{server.count} × {result}" + (f", {took:.0f} s" if took > 3 else "")  # noqa: PLR2004  # starting the process takes two


def table() -> str:
    """Return the outcomes of all clients under all faults as a table in Markdown."""
    names = [f"{name} {version(package)}" for name, (_, package, _) in CLIENTS.items()]
    lines = [f"| fault | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for fault in CHOSEN:
        cells = [measured(name, fault) for name in CLIENTS]
        lines.append(f"| {fault} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr)
        if fault == "good" and not all("returns" in cell for cell in cells):
            sys.exit("A package did not read a good reply in time. Measure again when the machine is idle.")
    return "\n".join(lines)


def main() -> int:
    """Measure, print the table, and write it to the page if ``--write`` is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    parser.add_argument("--one", nargs=2, metavar=("CLIENT", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*options.one)
        return 0
    made = table()
    print(made)
    if options.write:
        text = PAGE.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

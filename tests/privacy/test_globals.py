"""Nothing of the process is touched, by import or by use: compared before and after, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

WATCH = r"""
import asyncio, decimal, io, json, locale, logging, os, random, signal, socket, ssl, sys, threading, warnings
import http.client, urllib.request, mimetypes, codecs, faulthandler, tracemalloc, gc
import numpy, PIL.Image, PIL.ImageFile, PIL.PngImagePlugin
# What other packages do to the process when they are imported is theirs: OpenCV and polars set environment variables.
import cv2, pandas, polars
PIL.Image.init()

def snapshot():
    umask = os.umask(0o22); os.umask(umask)
    loggers = {n: (l.level, [repr(h) for h in l.handlers], l.disabled, l.propagate, len(l.filters))
               for n, l in logging.root.manager.loggerDict.items() if isinstance(l, logging.Logger)}
    return {
        "root logger": (logging.root.level, [repr(h) for h in logging.root.handlers], logging.root.manager.disable),
        "loggers": {n: s for n, s in loggers.items() if s != (0, [], False, True, 0)},
        "logger class": repr(logging.getLoggerClass()),
        "record factory": repr(logging.getLogRecordFactory()),
        "raiseExceptions": logging.raiseExceptions,
        "warnings": [repr(f) for f in warnings.filters],
        "showwarning": repr(warnings.showwarning),
        "signals": {str(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
        "wakeup fd": signal.set_wakeup_fd(-1),
        "locale": locale.setlocale(locale.LC_ALL),
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "umask": umask,
        "socket timeout": socket.getdefaulttimeout(),
        "socket": [repr(getattr(socket, n)) for n in ("socket", "create_connection", "getaddrinfo")],
        "http.client": [repr(http.client.HTTPConnection), http.client._MAXHEADERS,
                        http.client.HTTPConnection.debuglevel],
        "opener": repr(urllib.request._opener),
        "ssl": [repr(ssl._create_default_https_context), repr(ssl.SSLContext)],
        "pillow": [PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES, PIL.PngImagePlugin.MAX_TEXT_CHUNK,
                   sorted(PIL.Image.OPEN), sorted(PIL.Image.SAVE), sorted(PIL.Image.EXTENSION), list(PIL.Image.ID)],
        "asyncio": repr(type(asyncio.get_event_loop_policy())),
        "excepthook": [repr(hook) for hook in
                       (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook)],
        "trace": [repr(sys.gettrace()), repr(sys.getprofile()), faulthandler.is_enabled(), tracemalloc.is_tracing()],
        "limits": [sys.getrecursionlimit(), sys.get_int_max_str_digits(), sys.getswitchinterval(), gc.get_threshold()],
        "random": repr(random.getstate()),
        "numpy random": repr(numpy.random.get_state()),
        "numpy errors": repr(numpy.geterr()),
        "decimal": repr(decimal.getcontext()),
        "meta path": [repr(f) for f in sys.meta_path if "editable" not in repr(f)],
        "path": list(sys.path),
        "streams": [(repr(type(s)), s.encoding) for s in (sys.stdin, sys.stdout, sys.stderr)],
    }

def told(before, after):
    parts = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    return {name: changed(*both) if isinstance(both[0], dict) else both for name, both in parts.items()}

def changed(a, b):
    return {name: [a.get(name), b.get(name)] for name in {**a, **b} if a.get(name) != b.get(name)}

before = snapshot()
"""

IMPORT = "import cloudai, cloudai.cli, cloudai.report, cloudai.testing, cloudai.bridges\n"

USE = r"""
import contextlib, tempfile, wave
from cloudai import Azure, Client, AsyncClient, Google, Resource, Watson, Response, CloudAIError
before = snapshot()
work = tempfile.mkdtemp(dir=os.environ["WORK"])
picture = os.path.join(work, "사진.jpg")
exif = PIL.Image.Exif(); exif[0x0112] = 6
PIL.Image.new("RGB", (400, 300), "teal").save(picture, exif=exif)
sound = io.BytesIO()
with wave.open(sound, "wb") as w:
    w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000); w.writeframes(bytes(32000))
reply = lambda status: lambda r: Response(status, {"content-type": "application/json"}, b"{}")
makers = [lambda: "local", lambda: Google(api_key="k" * 9), lambda: Azure(key="k" * 9, endpoint="https://a.example"),
          lambda: Watson(nlu=Resource("k" * 9, "https://a.example"),
                         speech_to_text=Resource("k" * 9, "https://a.example"))]
calls = [("analyze_image", picture, {}), ("detect_faces", picture, {"landmarks": True}), ("estimate_age", picture, {}),
         ("sentiment", "좋아요", {"language": "en"}), ("speech_to_text", sound.getvalue(), {"language": "ko-KR"}),
         ("read_text", picture, {}), ("translate", "좋아요", {"to": "en"}), ("detect_language", "좋아요", {}),
         ("key_phrases", "좋아요", {}), ("text_to_speech", "좋아요", {})]
async def awaited(make, status):
    async def send(r): return reply(status)(r)
    async with AsyncClient(make(), send=send, max_attempts=1) as client:
        for operation, given, options in calls:
            with contextlib.suppress(CloudAIError):
                await getattr(client, operation)(given, **options)
done = 0
for make in makers:
    for status in (200, 400):
        with Client(make(), send=reply(status), max_attempts=1) as client:
            for operation, given, options in calls:
                with contextlib.suppress(CloudAIError):
                    getattr(client, operation)(given, **options); done += 1
        asyncio.run(awaited(make, status))
with Client("local") as client, client.batch("detect_faces", [picture], journal=os.path.join(work, "j.journal")) as job:
    job.plan(); list(job); table = job.tidy(); repr(table), table._repr_html_(), job.manifest()
    table.to_csv(os.path.join(work, "표.csv")); table.to_jsonl(); table.to_pandas()
    table.to_parquet(os.path.join(work, "p"))
from cloudai.report import Tile, gallery
gallery([Tile("가", PIL.Image.open(picture))], os.path.join(work, "g.html"), title="T")
with Client(Google(api_key="k" * 9)) as network:  # a real transport, made and closed
    pass
assert done >= 3, done
"""

COMMAND = r"""
from cloudai.cli import main
import contextlib
work = os.environ["WORK"]
picture = os.path.join(work, "사진.png")
PIL.Image.new("RGB", (90, 90), "teal").save(picture)
before = snapshot()
table, journal = os.path.join(work, "a.csv"), os.path.join(work, "j.journal")
for arguments in (["doctor"], ["providers"], ["providers", "azure"], ["sentiment", "Good!"],
                  ["faces", picture, "--json"],
                  ["faces", picture, "--csv", table, "--journal", journal], ["journal", journal],
                  ["faces", "nothing.jpg"], ["--help"], ["nonsense"]):
    with (contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()),
          contextlib.redirect_stderr(io.StringIO())):
        main(arguments)
"""

SAY = "print(json.dumps(told(before, snapshot()), default=str))\n"
PARTS = {"import": IMPORT, "use": USE, "command": COMMAND}


@pytest.fixture(scope="module")
def touched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each part has changed: the parts run one after another, so that the packages are imported once."""
    folder = tmp_path_factory.mktemp("work")
    environment = {**os.environ, "WORK": str(folder), "NO_GCE_CHECK": "true", "CLOUDAI_STATE_DIR": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-c", WATCH + "".join(part + SAY for part in PARTS.values())],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return dict(zip(PARTS, told, strict=True))


@pytest.mark.parametrize("part", PARTS)
def test_nothing_global_is_touched(part: str, touched: dict[str, Any]) -> None:
    """Logging, warnings, signals, locale, environment, sockets, Pillow, asyncio, hooks, seeds, decimal, cwd, umask."""
    assert touched[part] == {}


CHANGES = (
    ("logging.basicConfig()", "root logger"),
    ("logging.getLogger('cloudai').addHandler(logging.NullHandler())", "loggers"),
    ("warnings.simplefilter('ignore')", "warnings"),
    ("signal.signal(signal.SIGINT, signal.SIG_DFL)", "signals"),
    ("os.environ['A'] = '1'", "environment"),
    ("socket.setdefaulttimeout(1)", "socket timeout"),
    ("PIL.Image.MAX_IMAGE_PIXELS = 1", "pillow"),
    ("PIL.Image.register_open('X', None)", "pillow"),
    ("sys.excepthook = print", "excepthook"),
    ("random.random()", "random"),
    ("numpy.random.seed(1)", "numpy random"),
    ("decimal.getcontext().prec = 5", "decimal"),
    ("os.umask(0)", "umask"),
)

EACH = r"""
for change in json.loads(os.environ["CHANGES"]):
    child = os.fork()
    if not child:
        exec(change)
        print(json.dumps(told(before, snapshot()), default=str), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
"""A program that makes each change in a fork of its own, so that the modules are imported once."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the comparison tells of each change."""
    changes = [change for change, _ in CHANGES]
    ran = subprocess.run(
        [sys.executable, "-c", LIGHT + EACH],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("changes"),
        env={**os.environ, "CHANGES": json.dumps(changes)},
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(zip(changes, map(json.loads, ran.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(("change", "name"), CHANGES)
def test_the_watch_sees(change: str, name: str, seen: dict[str, Any]) -> None:
    """The comparison notices each change to the process that it is there to notice."""
    assert name in seen[change]


LIGHT = WATCH.replace("import cv2, pandas, polars\n", "")
"""The program `WATCH` without the modules that are slow to import."""

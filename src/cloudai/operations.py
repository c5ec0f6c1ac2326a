"""The table of operations has a row for each, with its input, its result, its options, its usual time and its command.

All that is named after an operation (the methods of the clients, batches, tables, the command line, the
documentation) follows from this table. docs/new_operation.md describes how to add a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cloudai.core.flow import MOST_REPLY, USUAL_REPLY
from cloudai.core.lazy import lazy
from cloudai.errors import InputError, SettingsError
from cloudai.text import did_you_mean, quoted

if TYPE_CHECKING:
    from cloudai.media import Audio, Image
    from cloudai.models.base import Result

__all__ = [
    "OPERATIONS",
    "REQUIRED",
    "Command",
    "EmptyCell",
    "Flag",
    "Given",
    "Operation",
    "digest_of",
    "given_as",
    "operation_named",
    "recalled",
    "require_text",
]

Given: TypeAlias = "Image | Audio | str"
"""An input as an operation takes it."""
Kind: TypeAlias = Literal["image", "audio", "text"]

REQUIRED: Final = object()
"""The default of an option that has none: the caller must give it."""


@dataclass(frozen=True)
class Flag:
    """One flag of the command line, ``--max-faces`` for the option ``max_faces``.

    Args:
        kind: What follows the flag: nothing (a switch, or "off" for one that turns an option off and has "no-" before
            its name), a whole number from 1 (a count), any number, words with commas
            between them, a text, or the path of a file that is read.
        help: The text of ``--help`` for the flag.
        metavar: The word for the value in ``--help``; a switch has none.
    """

    kind: Literal["switch", "off", "count", "number", "words", "text", "file"]
    help: str
    metavar: str | None = None


@dataclass(frozen=True)
class Command:
    """The command of an operation on the command line.

    Args:
        name: The name of the command: "faces" of ``cloudai faces``.
        help: What the command does, as ``--help`` says it, with a small first letter.
        flags: The options of the operation that the command offers. The user must give those without a default.
        provider: The name of the provider that answers where the user names none.
        settings: Settings of a provider that the command offers, by the names its constructor has for them.
        settings_of: The name of that provider; by default the one that answers where the user names none.
        files: What the command writes into the folder of ``--out``, as ``--help`` says it; None where it writes no
            files. They are the `files` of each result.
        ending: The ending of these files, or the name of the option that has it.
        only_files: Whether the table of the results says nothing of what they are for, so that without ``--out`` or
            ``--json`` what was paid for would be lost.
        writes: The flags by which the command writes the result into a file, named after the input and the flag, each
            as ``--help`` says it. The content is what the method ``to_FLAG`` of the result returns. With the flag
            "compare", the result is compared with a file.
    """

    name: str
    help: str
    flags: Mapping[str, Flag] = field(default_factory=dict)
    provider: str = "local"
    settings: Mapping[str, Flag] = field(default_factory=dict)
    settings_of: str | None = None
    files: str | None = None
    ending: str = "txt"
    only_files: bool = False
    writes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation of the SDK.

    Args:
        name: The name of the method of clients and providers.
        input: What the input is: a picture, a recording or a text.
        result_path: The module and the class of the result: "cloudai.models.face:Faces".
        options: The options with their defaults, `REQUIRED` where there is none.
        optional: The options that a provider's method need not take; a call that gives one another value than its
            default is then refused. They were added after providers of other distributions had been written.
        timeout: Seconds that a whole call may take where the caller says nothing, waits and retries included.
        max_reply: The most bytes of a reply, unpacked; a larger one is refused before it is read to its end. A page of
            dense text, a long transcript and a spoken text need more than the usual number.
        documents: Whether the operation also takes documents, PDF and TIFF of several pages, as pictures.
        command: The command of the operation; None where it has none.
    """

    name: str
    input: Kind
    result_path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    timeout: float = 60.0
    max_reply: int = USUAL_REPLY
    documents: bool = False
    command: Command | None = None

    @lazy
    def result(self) -> type[Result]:
        """The class of the result, loaded when it is first used, for most programs need few of them."""
        module, _, name = self.result_path.partition(":")
        kind: type[Result] = getattr(import_module(module), name)
        return kind


@dataclass(frozen=True)
class EmptyCell:
    """An input that is an empty cell of a table; only the row of that cell fails."""

    column: str

    def __str__(self) -> str:
        return f"the cell in column {self.column} is empty"


# Google is always sent a number, because it finds ten faces at most where it is told none; Azure returns a hundred at
# most.
_MAX_FACES = Flag("count", "most faces in a picture (default: 100)", "N")

_ROWS = (
    Operation(
        "analyze_image",
        "image",
        "cloudai.models.image:ImageAnalysis",
        options={
            "features": None,
            "language": None,
            "max_results": None,
            "missing": "error",
            "gender_neutral": False,
        },
        max_reply=MOST_REPLY,
        command=Command(
            "analyze",
            "say what is in pictures",
            flags={
                "features": Flag("words", "caption,tags,objects,faces,text,colors …", "A,B"),
                "missing": Flag("text", "a feature that the provider lacks: refuse (error) or go on", "error|report"),
                "max_results": Flag("count", "most results of each feature", "N"),
                "language": Flag("text", "language of the tags, where the provider translates", "CODE"),
            },
        ),
    ),
    Operation(
        "detect_faces",
        "image",
        "cloudai.models.face:Faces",
        options={"landmarks": False, "attributes": (), "max_faces": 100},
        command=Command(
            "faces",
            "find the faces in pictures",
            flags={
                "landmarks": Flag("switch", "also the points of each face (in --json)"),
                "max_faces": _MAX_FACES,
            },
        ),
    ),
    Operation(
        "estimate_age",
        "image",
        "cloudai.models.face:Ages",
        options={"max_faces": 100},
        command=Command(
            "age",
            "guess how old faces look, where a provider does",
            flags={"max_faces": _MAX_FACES},
            settings={"face_approved": Flag("switch", "Microsoft has approved you for the ages of --provider azure")},
            settings_of="azure",
        ),
    ),
    Operation(
        "read_text",
        "image",
        "cloudai.models.image:Text",
        options={"language": None, "dense": None},
        timeout=300.0,
        max_reply=MOST_REPLY,
        documents=True,
        command=Command(
            "read",
            "read the text in pictures, PDF and TIFF",
            flags={
                "language": Flag("text", "the language of the text, e.g. ko", "CODE"),
                "dense": Flag("off", "read single words, as on signs, and no pages full of text"),
            },
            files="write the text into this folder, one .txt a page",
        ),
    ),
    Operation(
        "sentiment",
        "text",
        "cloudai.models.text:Sentiment",
        options={"language": None, "targets": (), "long": "split"},
        optional=("targets", "long"),
        command=Command(
            "sentiment",
            "say whether texts are positive or negative",
            flags={
                "language": Flag("text", "the language of the texts, e.g. ko", "CODE"),
                "targets": Flag("words", "also the feeling towards these words (watson)", "A,B"),
                "long": Flag("text", "what to do with a text too long for azure (default: split)", "split|refuse"),
            },
            settings={"lexicon": Flag("file", "words and scores for --provider local in any language", "CSV")},
        ),
    ),
    Operation(
        "detect_language",
        "text",
        "cloudai.models.text:Language",
        command=Command("language", "say which language texts are written in"),
    ),
    Operation(
        "key_phrases",
        "text",
        "cloudai.models.text:KeyPhrases",
        options={"language": None},
        command=Command(
            "phrases",
            "say what texts are about, in phrases",
            flags={"language": Flag("text", "the language of the texts, e.g. ko", "CODE")},
        ),
    ),
    Operation(
        "translate",
        "text",
        "cloudai.models.text:Translation",
        options={"to": REQUIRED, "source": None, "html": False},
        optional=("html",),
        timeout=120.0,
        command=Command(
            "translate",
            "translate texts into one or several languages",
            flags={
                "to": Flag("words", "the languages to translate into, e.g. ko,ja", "CODE,…"),
                "source": Flag("text", "the language of the texts; without it the provider detects it", "CODE"),
            },
            provider="azure",
        ),
    ),
    Operation(
        "dictionary",
        "text",
        "cloudai.models.dictionary:Dictionary",
        options={"source": REQUIRED, "to": REQUIRED, "examples": True},
    ),
    Operation(
        "speech_to_text",
        "audio",
        "cloudai.models.speech:Transcript",
        options={
            "language": REQUIRED,
            "words": True,
            "speakers": None,
            "channels": None,
            "phrases": (),
            "profanity": "keep",
        },
        optional=("phrases", "profanity"),
        timeout=600.0,
        max_reply=MOST_REPLY,
        command=Command(
            "transcribe",
            "write down what is said in recordings",
            flags={
                "language": Flag("text", "the language spoken, e.g. ko-KR", "CODE"),
                "speakers": Flag("count", "tell this many speakers apart", "N"),
                "channels": Flag("text", "several channels: mix them, or write down each", "mix|each"),
                "phrases": Flag("words", "names and terms that are likely to be said", "TERM,…"),
                "profanity": Flag("text", "swear words: keep them as spoken, mask or remove them", "keep|mask|remove"),
            },
            provider="google",
            writes={
                "srt": "write subtitles in the format SRT",
                "vtt": "write subtitles in the format WebVTT, with the speakers",
                "txt": "write the text in paragraphs",
                "compare": "compare it with the text of this file: error rates, and a page that shows the difference",
            },
        ),
    ),
    Operation(
        "text_to_speech",
        "text",
        "cloudai.models.speech:Speech",
        options={"voice": None, "language": None, "format": "wav", "speed": 1.0},
        timeout=120.0,
        max_reply=MOST_REPLY,
        command=Command(
            "say",
            "read texts aloud into sound files",
            flags={
                "voice": Flag("text", "the provider's name of a voice, from `cloudai voices`", "NAME"),
                "language": Flag("text", "the language of the texts, e.g. ko", "CODE"),
                "format": Flag("text", "wav, mp3 or ogg (default: wav)", "FORMAT"),
                "speed": Flag("number", "how fast to speak: 2 is twice as fast (default: 1)", "N"),
            },
            files="write the sound into this folder, one file a text",
            ending="format",
            only_files=True,
        ),
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for row in _ROWS})
"""Every operation by its name, in the order in which tables show them."""


def operation_named(name: str) -> Operation:
    """Return the operation of this name.

    Raises:
        SettingsError: There is no such operation; the text lists those there are.
    """
    operation = OPERATIONS.get(name) if isinstance(name, str) else None
    if operation is None:
        advice = f"{did_you_mean(name, OPERATIONS)} Known: {', '.join(OPERATIONS)}.".strip()
        raise SettingsError(f"{quoted(name)} is no operation", advice=advice)
    return operation


def given_as(operation: str, given: Any) -> Given:
    """Return an input as the operation takes it: a text as it is, anything else as an `Image` or an `Audio`.

    A picture or a recording is not looked at: one that cannot be used raises InputError when it is read.

    Args:
        operation: The name of an operation that there is.
        given: The input, as the user gave it; an `Image` or an `Audio` that the operation takes is returned as it is.

    Raises:
        InputError: The operation takes a text, and `require_text` refuses this one.
    """
    if isinstance(given, EmptyCell):
        raise InputError(str(given), advice="Fill it in, or leave the row out.")
    kind = OPERATIONS[operation].input
    if kind == "text":
        return require_text(given)
    source = _source(kind)
    taken: Given = given if isinstance(given, source) else source(given)
    return taken


@cache
def _source(kind: Kind) -> Any:
    """Return the class of an input that is no text; it is loaded late, because a call with a text does not need it."""
    from cloudai.media import Audio, Image

    return Image if kind == "image" else Audio


def require_text(text: Any) -> str:
    """Return the text as it is.

    Raises:
        InputError: It is not a str, is empty or has nothing but white space, which every vendor refuses, or holds half
            of a surrogate pair, which cannot be sent.
    """
    if not isinstance(text, str):
        raise InputError(f"a text is a str, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text holds half a character (at {error.start})", advice="Read the file with its right encoding."
        ) from None  # the cause holds the text
    if not text.strip():
        raise InputError("the text is empty", advice="Leave blank lines out.")
    return text


def digest_of(given: Given) -> str:
    """Return the sha256 (hex) of an input as it was given, by which a call that is paid for is recognized.

    A file is read for this, and raises InputError if that fails; of an address that is not fetched it is the digest of
    the address.
    """
    # A batch asks for the digest of a text before it is checked, so half a surrogate pair must raise nothing here.
    return sha256(given.encode("utf-8", "surrogatepass")).hexdigest() if isinstance(given, str) else given.key


def recalled(operation: str, name: str, key: str, memory: Mapping[str, Any]) -> Given | None:
    """Return an input that is made from what is known of it, so that its replies can be read again.

    A text is not kept, so for an operation on texts this returns None.

    Args:
        operation: The name of the operation.
        name: The name of the input.
        key: The sha256 (hex) of the input as it was given.
        memory: What else was kept of the input when its replies came; where it is empty this returns None.
    """
    kind = OPERATIONS[operation].input
    if kind == "text" or not memory:
        return None
    from cloudai.media import Audio, Image

    return (Image if kind == "image" else Audio).recalled(name, key, memory)

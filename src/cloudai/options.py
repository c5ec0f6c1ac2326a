"""This module knows which options a call has and what they are by default, and checks those that are given."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Generator, Iterator, Mapping
from functools import cache
from inspect import signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypedDict, Union, get_args, get_origin, get_type_hints

from cloudai.core.flow import Flow
from cloudai.core.vendor import Vendor
from cloudai.errors import ContractError, SettingsError, UnsupportedOperationError
from cloudai.operations import OPERATIONS, REQUIRED, Given
from cloudai.providers.base import Method, Provider
from cloudai.providers.registry import who_can
from cloudai.text import LONGEST_WORD, did_you_mean, is_word

__all__ = [
    "SHARED",
    "CallOptions",
    "chosen",
    "complete",
    "flow_of",
    "is_count",
    "normalized",
    "problem_with",
    "require_seconds",
    "unknown_option",
]


class CallOptions(TypedDict, total=False):
    """The options that every call takes beside those of its operation."""

    timeout: float
    """Seconds for the whole call, waits and retries included."""
    method: Method | None
    """The kind of service that answers: "classic" is one for this very task, "generative" the vendor's chat model.

    Without it, or with None, the chat model answers only where the vendor has no classic service for the operation.
    ``meta.method`` says what answered.
    """
    extra: Mapping[str, Any]
    """Values that cloudai has no option for, merged deep into the JSON body of one request.

    That is the first billed request of the operation itself, and no language detection before it. For a mix of features
    at Azure it is the request to the first API alone: Image Analysis 4.0, else 3.2, else Face. For parts that run at
    the same time it is the first request of the first part.
    """
    extra_params: Mapping[str, str]
    """Parameters that are added to the request that ``extra`` is for."""
    extra_headers: Mapping[str, str]
    """Headers that are added to the request that ``extra`` is for."""


SHARED = tuple(CallOptions.__annotations__)
"""The names of the options that every call takes."""


def unknown_option(who: str, names: Collection[str], known: Collection[str], more: str = "") -> SettingsError:
    """Return the error for options that there are not; it suggests the known one that is most like the first of them.

    Args:
        who: The operation, or whatever does not have them.
        names: The names that are not known.
        known: The names that are.
        more: A further sentence of advice.
    """
    shown = ", ".join(map(_word, sorted(map(str, names))))
    suggestion = next(filter(None, (did_you_mean(name, known) for name in sorted(map(str, names)))), "")
    advice = " ".join(filter(None, [suggestion, f"It has: {', '.join(known)}.", more]))
    return SettingsError(f"{who} has no option {shown}", advice=advice)


def problem_with(operation: str, options: Mapping[str, Any]) -> SettingsError | None:
    """Return the error for the first option of a call that cannot be used, or None where all can.

    The name, the type and the range of each are checked; what only one vendor refuses is left to the vendor. The error
    is returned and not raised: its frames would hold the values, and a value in ``extra_headers`` may be a key.

    Args:
        operation: The name of the operation.
        options: Options of the operation, and those of `CallOptions`.
    """
    own = OPERATIONS[operation].options
    if unknown := options.keys() - own.keys() - CallOptions.__annotations__.keys():
        return unknown_option(operation, unknown, (*own, *SHARED))
    for name, value in options.items():
        if value is REQUIRED:
            return SettingsError(f"{operation} needs {name}", advice=f"Give {name}=…")
        if name in own and value is own[name]:
            continue  # the table has no default that cannot be used
        message = _wrong(name, value, _kinds(operation)[name]) if name in own else _wrong_shared(name, value)
        if message:
            return SettingsError(message[0], advice=message[1])
    return None


def normalized(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked options with the numbers of other packages (numpy, pandas) as Python's own."""
    return {name: value if type(value) in PLAIN else _plain(value) for name, value in options.items()}


def complete(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an operation, with defaults for those that are not given.

    Raises:
        SettingsError: The operation has no such option, needs one that is not given, or one has a value that it cannot
            have.
    """
    defaults = OPERATIONS[operation].options
    if problem := problem_with(operation, {**defaults, **options}):
        raise problem
    return {**defaults, **normalized({name: value for name, value in options.items() if name in defaults})}


Problem = tuple[str, str]
"""A message, and advice."""


class _Kind(NamedTuple):
    """The values that an option may have, as the method of `Provider` declares them."""

    type: Any
    """The type of a single value; for one of several known words it is `Literal`."""
    known: tuple[str, ...]
    """The words that there are; empty where any will do."""
    takes_several: bool
    """Whether a list of words may be given; a single text may be given instead where ``type`` is `str`."""
    may_be_none: bool


@cache
def _kinds(operation: str) -> Mapping[str, _Kind]:
    """Return what each option of an operation may be."""
    method = getattr(Provider, operation)
    hints = get_type_hints(method, localns=_Names(method.__globals__))
    return {name: _kind(hints[name]) for name in OPERATIONS[operation].options}


def _kind(hint: Any) -> _Kind:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    words = next((kind for kind in kinds if _is_several(kind)), None)
    kind = next((kind for kind in kinds if kind not in (NoneType, words)), Any)
    one = get_args(words)[0] if words is not None else kind
    known = get_args(one) if get_origin(one) is Literal else ()
    return _Kind(Literal if get_origin(kind) is Literal else kind, known, words is not None, NoneType in kinds)


def _is_several(kind: Any) -> bool:
    """Return whether a type is one of several words: `Sequence` and its like."""
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Collection)


class _Names(dict[str, Any]):
    """The names in the annotations of `Provider`: of those that only type checkers import, `Feature` alone matters."""

    def __missing__(self, name: str) -> Any:
        if name == "Feature":
            from cloudai.models.image import Feature

            return Feature
        return getattr(builtins, name, Any)


def _wrong(name: str, value: Any, kind: _Kind) -> Problem | None:
    """Return what is wrong with the value of an option of this kind, or None where nothing is."""
    if value is None and kind.may_be_none:
        return None
    if kind.takes_several and not (isinstance(value, str) and kind.type is str):
        return _wrong_words(name, value, kind.known)
    if kind.type is Literal:
        return None if isinstance(value, str) and value in kind.known else _unknown(name, value, kind.known)
    expected, fits = TYPES.get(kind.type, ("", _anything))
    if not fits(value):
        return f"{_told(name, value)} is not {expected}", f"Give {EXAMPLES.get(kind.type, expected)}."
    return _wrong_text(name, value) if kind.type is str else None


def _wrong_text(name: str, value: str) -> Problem | None:
    """Return what is wrong with a text that is not empty, or None where nothing is."""
    if name in LANGUAGES and not CODE.fullmatch(value):
        return f"{_told(name, value)} is no code of a language", 'Give a code such as "ko" or "ko-KR".'
    if HALF.search(value):
        return f"{_told(name, value)} holds half a character", "Read it with its right encoding."
    return None


def _wrong_words(name: str, value: Any, known: Collection[str]) -> Problem | None:
    """Return what is wrong with the value of an option that is several words, or None where nothing is."""
    if not isinstance(value, list | tuple) and (
        isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection)
    ):
        example = value if isinstance(value, str) and is_word(value) else "…"
        return f"{_told(name, value)} is not a list of words", f'Give a list, for example {name}=["{example}"].'
    for word in value:
        if not isinstance(word, str):
            return f"{name} has {_shown(word)}, which is not a word", "Give a list of texts."
        if known and word not in known:
            return _unknown(name.removesuffix("s"), word, known)
        if name in LANGUAGES and not CODE.fullmatch(word):
            return f"{name} has {_shown(word)}, which is no code of a language", 'Give codes such as "ko" or "ko-KR".'
    if name in LANGUAGES and not value:
        return f"{name} names no language", f'Give one or several: {name}="ko".'
    return None


def _unknown(name: str, value: Any, known: Collection[str]) -> Problem:
    return f"unknown {name} {_shown(value)}", f"{did_you_mean(value, known)} Known: {', '.join(known)}.".strip()


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 1 that vendors can read."""
    return isinstance(value, Integral) and not _is_switch(value) and 1 <= int(value) <= MOST


def _is_number(value: Any) -> bool:
    # The largest whole numbers cannot be compared with fractions.
    return isinstance(value, Real) and not _is_switch(value) and bool(-LARGEST < value < LARGEST)  # type: ignore[operator]


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")  # numpy's has either name


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _anything(_: Any) -> bool:
    return True


LARGEST = 10**300
"""The largest number of any kind: one that is far larger is no fraction, and no time."""
MOST = 2**31 - 1
"""The largest number that an option may have: vendors read 32 bits."""
TYPES: Mapping[Any, tuple[str, Any]] = {
    bool: ("True or False", _is_switch),
    int: ("a whole number from 1", is_count),
    float: ("a number", _is_number),
    str: ("a text", _is_text),
}
"""For each type, a description of its values, and the function that returns whether a value is one."""
EXAMPLES: Mapping[Any, str] = {str: "a text that is not empty"}
HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which cannot be sent."""
LANGUAGES = ("language", "to", "source")
"""The options that are codes of languages."""
CODE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
"""The form of a language's code (BCP 47), also with the underscores of locales."""


def _wrong_shared(name: str, value: Any) -> Problem | None:
    """Return what is wrong with one of the options of `CallOptions`, or None where nothing is."""
    if name == "timeout":
        return _wrong_seconds(value)
    if value is None:
        return None
    if name == "method":
        return None if isinstance(value, str) and value in METHODS else _unknown(name, value, METHODS)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return f"{name}= is a {type(value).__name__}", f'Give a dict with names that are texts: {name}={{"name": …}}.'
    problems = {"extra_params": _wrong_params, "extra_headers": _wrong_headers}.get(name)
    return next(problems(value), None) if problems else None


def _wrong_params(params: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in params.items():
        values = value if isinstance(value, list | tuple) else [value]
        is_sent = all(isinstance(each, str | bool) or _is_number(each) for each in values)
        if not name or not is_sent or HALF.search("".join(map(str, [name, *values]))):
            yield f"extra_params has a value for {_word(name)} that is no text", "Give texts or numbers."


def _wrong_headers(headers: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in headers.items():
        if not HEADER.fullmatch(name):
            yield "extra_headers has a name that is none of a header", "Give names of letters, digits and hyphens."
        elif name.lower() in OURS:
            yield f"extra_headers cannot set {name}", "It says where a request goes, or where it ends."
        # A line break in a value would let it go on as further headers, or as another request.
        elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
            yield f"extra_headers has a value for {name} that cannot be sent", "Give a text of ASCII on one line."


METHODS: tuple[str, ...] = get_args(Method)
# RFC 9110 defines the name of a header as a token, which consists of these characters (section 5.6.2).
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"})
"""Headers that say where a request goes and where it ends: another value of them would make it another request."""


def _wrong_seconds(value: Any) -> Problem | None:
    if value is None or (_is_number(value) and value > 0):
        return None
    return _told("timeout", value), "Give seconds, more than 0."


def require_seconds(timeout: Any) -> None:
    """Raise SettingsError for a timeout that is no number of seconds above 0; None stands for the usual time."""
    if problem := _wrong_seconds(timeout):
        raise SettingsError(problem[0], advice=problem[1])


PLAIN = frozenset({bool, int, float, str, NoneType, tuple, list})
"""The types of values that are not numbers of other packages."""


def _word(name: str) -> str:
    """Return a name as an error shows it: only a short one, because anything may have been put in its place."""
    return name if is_word(name) else "…"


def _told(name: str, value: Any) -> str:
    """Return an option with its value as the subject of a sentence: "language='xx'", or "the list in language="."""
    shown = _shown(value)
    if not shown.startswith("a "):
        return f"{name}={shown}"
    return f"the {'text' if isinstance(value, str) else shown[2:]} in {name}="


def _shown(value: Any) -> str:
    """Return a value as an error shows it: a number or a short word, and otherwise only its type."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value) if len(repr(value)) <= LONGEST_WORD else "…"
    return repr(value) if isinstance(value, str) and is_word(value) else f"a {type(value).__name__}"


def _plain(value: Any) -> Any:
    """Return a number or a truth value of another package as Python's own; anything else is returned as it is."""
    if isinstance(value, bool | int | float | str | list | tuple) or value is None:
        return value
    if _is_switch(value):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def chosen(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that differ from their defaults, without the timeout and the method.

    A call that is paid for is recognized by these, so that a new option with a default does not make it look unpaid.
    The service that answers a call depends on more than the method that was asked for: see
    `Provider.generative_variant`.
    """
    defaults = OPERATIONS[operation].options
    return {
        name: value
        # The options are sorted, because the key of a paid call must not depend on the order in which they were given.
        for name, value in sorted(options.items())
        if name not in ("timeout", "method") and not (name in defaults and value == defaults[name])
    }


def _taken(vendor: Vendor, operation: str, optional: Collection[str], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options without those that the vendor's method does not take, and need not.

    Raises:
        UnsupportedOperationError: The caller asks for one of these, with another value than the default.
    """
    lacking = _lacking(getattr(type(vendor), operation, None), tuple(optional))
    for name in lacking:
        default = OPERATIONS[operation].options[name]
        # An empty list asks for nothing either, and is not equal to the empty tuple that is the default.
        if (tuple(options[name]) if isinstance(default, tuple) else options[name]) != default:
            raise UnsupportedOperationError(f"{operation} of {vendor.name} has no {name}", advice=f"Leave {name}= out.")
    return {name: value for name, value in options.items() if name not in lacking} if lacking else options


@cache
def _lacking(method: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that are no parameters of a method."""
    parameters = signature(method).parameters if callable(method) else {}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return () if takes_any else tuple(name for name in names if name not in parameters)


def flow_of(
    vendor: Vendor, operation: str, given: Given, options: Mapping[str, Any], method: Method | None = None
) -> Flow[Any]:
    """Return the vendor's flow for an input and the complete options of its operation.

    Args:
        vendor: The provider.
        operation: The name of the operation.
        given: The input, as the operation takes it.
        options: All options of the operation.
        method: The method that the caller asks for; see `CallOptions`.

    Raises:
        UnsupportedOperationError: The vendor does not have the operation; the text names those that have it.
        ContractError: The vendor's method is no generator.
    """
    provider: Provider = vendor  # type: ignore[assignment]  # the engine sees no more of it than a `Vendor`
    if provider.method_of(operation, method) == "generative":
        return provider.generated(operation, given, options, method)
    if optional := OPERATIONS[operation].optional:
        options = _taken(vendor, operation, optional, options)
    try:
        flow: Flow[Any] = getattr(vendor, operation)(given, **options)
    except UnsupportedOperationError as error:
        error.advice = error.advice or who_can(operation)
        raise
    if not isinstance(flow, Generator):
        raise ContractError(
            f"{operation} returns a {type(flow).__name__}, where a flow is expected",
            advice="Write it as a generator: `response = yield Request(…)`, without async.",
        )
    return flow

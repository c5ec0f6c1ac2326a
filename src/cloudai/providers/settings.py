"""A `Setting` says where a setting of a provider is looked up and what its value is; all values are checked here.

A value that becomes a part of a host or of a path decides where a key goes: ``region="evil.com/"`` must reach no
server. And any value may be a secret that stands in the wrong place, so that errors name a setting and where it comes
from, and show its value only where that is known to be harmless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Literal

from cloudai.errors import SettingsError

__all__ = [
    "GIVEN",
    "Kind",
    "Lookup",
    "Resource",
    "Setting",
    "address_in",
    "given_lookup",
    "is_file",
    "looks_like_key",
    "lookup_in",
    "own_resource",
    "shown",
    "swapped",
    "unquoted",
    "usable",
    "without_path",
]

Kind = Literal["text", "key", "address", "region", "project", "file", "model", "id"]
"""The kind of the value of a setting. A "text" is not checked and never shown."""

GIVEN = "given in code"


@dataclass(frozen=True)
class Setting:
    """One setting of a provider, and the environment variables it is read from: the first one that is set counts.

    Declare what it is with ``kind``: the value of an "address", a "region" or a "project" is checked before it becomes
    a part of a host or of a path, and may be shown. A "key" is a secret of one word. A "file" is the path of a file.
    """

    name: str
    env: tuple[str, ...]
    secret: bool = False
    purpose: str = ""
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    """The values that there are; empty where the kind decides."""
    hosts: str = ""
    """A pattern of hosts that name a region in their first group: an address of such a host stands for the region."""
    advice: str = ""
    """The advice for a value that cannot be used; by default it says what a value of the kind looks like."""
    from_file: bool = True
    """False for a permission that only the environment itself can give, and no file of variables."""


@dataclass(frozen=True)
class Lookup:
    """The value of a setting and where it comes from: "VISION_KEY", "given in code", a file."""

    value: str = field(repr=False)
    where: str
    quoted: bool = False
    """True where quotation marks stood around the value, which are left out."""
    name: str = ""
    """The name of the setting, where it was found for one."""
    is_text: bool = True
    """False for bytes, a list and their like, which are no text although they can be written as one."""


@dataclass(frozen=True)
class Resource:
    """One service of a vendor: its key (at IBM the API key), and its endpoint (at IBM the URL) or its region.

    Example:
        >>> Resource("not-a-real-key", "https://my-vision.cognitiveservices.azure.com")
        Resource(key='…', endpoint='https://my-vision.cognitiveservices.azure.com')
    """

    key: str | None = None
    endpoint: str | None = None
    region: str | None = None

    def __repr__(self) -> str:
        values = {"key": self.key, "endpoint": self.endpoint, "region": self.region}
        # An address may have a key in its path or a password in it, so it is shown by the same rule as everywhere.
        given = {name: "…" if name == "key" else shown(PLACE[name], value) for name, value in values.items() if value}
        return f"Resource({', '.join(f'{name}={value!r}' for name, value in given.items())})"


def unquoted(text: str) -> str:
    """Return a text without the blanks and the quotation marks around it, which docker and Windows keep in values."""
    text = text.strip()
    while len(text) > 1 and QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’"}


def given_lookup(value: object, where: str = GIVEN, name: str = "") -> Lookup | None:
    """Return the look-up of a value that was found, without blanks and quotation marks around it; None for no value."""
    text = unquoted(str(value))
    # str(b"key") is "b'key'", which would go out as a key that is merely wrong. Numbers and paths may stand for their
    # text.
    is_text = isinstance(value, str) or not isinstance(value, Collection)
    return Lookup(text, where, quoted=text != str(value).strip(), name=name, is_text=is_text) if text else None


def lookup_in(setting: Setting, source: tuple[str, Mapping[str, str]]) -> Lookup | None:
    """Return the value of the first variable of a setting that is set in a source, or None where none is."""
    where, values = source
    for variable in setting.env:
        # A user who copies a whole line of a file into a variable has the name in its value once more.
        value = values.get(variable, "").strip().removeprefix(f"{variable}=")
        if lookup := given_lookup(value, variable + where, setting.name):
            return lookup
    return None


def usable(setting: Setting, lookup: Lookup, named: str) -> Lookup:
    """Return the value of a setting as it may be used: checked, and in its usual spelling.

    Args:
        setting: The setting.
        lookup: The value as it was found.
        named: How an error names the setting.

    Raises:
        SettingsError: The value is not what the setting asks for; the text does not show it.
    """
    # No variable of this frame holds the value: it may be a secret, and crash reports show variables.
    checked = _checked(setting, lookup)
    if checked is None:
        what, advice = WRONG[setting.kind]
        choices = f"There are: {', '.join(setting.choices)}." if setting.choices else ""
        raise SettingsError(f"{named} {what}", advice=setting.advice or choices or advice)
    return checked


WRONG: Mapping[Kind, tuple[str, str]] = {
    "text": ("has a value that is not known", "Check it."),
    "key": ("is no key", "A key is one word of letters and digits; copy it once more. An address is no key."),
    "address": ("is no address", "It looks like https://HOST, without a name or password in it."),
    "region": ("is no region", "A region is one word, such as koreacentral or asia-northeast3."),
    "project": ("is no project", "Give the id of the project, such as my-project-123, and not its name."),
    "file": ("is no path of a file", "Give the path of a file."),
    "id": ("is no id", "It is made of letters, digits and hyphens; copy it once more."),
    "model": ("is no name of a model", "Give the name of a model, or of a deployment, such as gpt-5.6-luna."),
}
"""The words of an error about a value of each kind, and the advice where the setting has none of its own."""


def _checked(setting: Setting, lookup: Lookup) -> Lookup | None:
    """Return a value in its usual spelling, or None where it cannot be used."""
    # A setting of the kind "text" may be an object that the user gave in code, such as a login.
    if not lookup.is_text and setting.kind != "text":
        return None
    value = _region(lookup.value, setting.hosts) if setting.kind == "region" else READERS[setting.kind](lookup.value)
    if value is None or (setting.choices and value not in setting.choices):
        return None
    return replace(lookup, value=value)


def shown(setting: Setting, value: str) -> str:
    """Return the value of a setting as it may be shown: "…" unless it is known to be harmless.

    Harmless are the host of an address, a region, a project, a file that exists, and the last four characters of a key.
    """
    lookup = given_lookup(value)
    checked = _checked(setting, lookup) if lookup else None
    if checked is None:
        return "…"
    if setting.secret or setting.kind == "key":
        # The end of a short key would be half of it; a secret that is no single word may be a file or a command.
        return f"…{checked.value[-4:]}" if len(checked.value) > SHORT and _key(checked.value) else "…"
    if setting.kind == "address":
        return shown_address(checked.value)
    harmless = {
        "file": is_file(checked.value),
        "model": PLAIN_MODEL.fullmatch(checked.value) is not None,
        # The id of a project at IBM cannot be told from a key.
        "id": False,
        "text": bool(setting.choices),
    }
    return checked.value if harmless.get(setting.kind, True) else "…"


SHORT = 8
"""The most characters of a key of which not even the end is shown."""


def _key(text: str) -> str | None:
    """Return the key, or None for what is none: it has blanks, or is an address, JSON or the path of a file."""
    # An error can explain these mistakes: an address, the content of a file of credentials, or its path in place of the
    # key.
    is_other = "://" in text or text[:1] in ("{", "[") or text.endswith(".json")
    return None if is_other or not KEY.fullmatch(text) else text


KEY = re.compile(r"[!-~]+")
LIKE_A_KEY = re.compile(r"[A-Za-z0-9_+/=-]{20,}")
"""The look of the vendors' keys: they are longer than most names, and have no dots."""


def looks_like_key(text: str) -> bool:
    """Return whether a text looks like a key, and not like the address that is expected in its place."""
    return LIKE_A_KEY.fullmatch(text) is not None


def own_resource(name: str, given: Any) -> Resource:
    """Return the key and the address of a service as a user gave them; an empty `Resource` for None.

    Args:
        name: The argument, as an error names it.
        given: What was given.

    Raises:
        SettingsError: It is anything else, such as a key alone or a dict.
    """
    if given is not None and not isinstance(given, Resource):
        kind = type(given).__name__
        del given  # a crash report shows variables
        raise SettingsError(f"{name}= is a {kind}", advice='Give Resource("KEY", "https://…").')
    return given or Resource()


def swapped(key: Lookup | None, address: Lookup | None) -> bool:
    """Return whether a key and an address were put in each other's places, as far as both can be told for certain."""
    # Both have to be recognised. To change places on a mere suspicion could send a key to a host that nobody has named.
    return bool(key and address and address_in(key.value) and looks_like_key(address.value))


def _project(text: str) -> str | None:
    # Google's pages and resource names write the id with this prefix.
    name = text.removeprefix("projects/")
    return name if PROJECT.fullmatch(name) else None


PROJECT = re.compile(r"(?:[a-z0-9][a-z0-9.-]{0,60}:)?[a-z0-9][a-z0-9-]{0,29}")
"""The id or the number of a project; those of an organisation may begin with its domain."""


def _id(text: str) -> str | None:
    return text if ID.fullmatch(text) else None


ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
"""An id that a vendor gives, which is never shown: a key looks alike."""


def _model(text: str) -> str | None:
    return text if MODEL.fullmatch(text) and not re.search(r"\.\.|//", text) else None


MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,100}")
"""The name of a model, with its maker before a slash, or of a deployment."""
PLAIN_MODEL = re.compile(r"(?=.{3,60}$)[a-z0-9]+([._/-][a-z0-9]+)+")
"""A name of a model that is no key: it has small letters, and several words."""


def _region(text: str, hosts: str) -> str | None:
    """Return the name of a region as hosts have it: "eastus" for "East US", and for an address that names it."""
    # A regional host names the region in front, and the portal shows it where the name of the region is asked for.
    if hosts and (address := address_in(text)) and (match := re.match(rf"https?://{hosts}(?![^/:])", address)):
        return match[1]
    # The portals show "East US" and "(Asia Pacific) Korea Central" where the API wants "eastus".
    name = re.sub(r"\([^()]*\)|\s", "", text).lower()
    return name if REGION.fullmatch(name) else None


REGION = re.compile(r"[a-z][a-z-]{0,25}[a-z](-?[0-9]{1,2})?")
"""The name of a region, whose only digits are its number at the end: any other may be a key."""


def address_in(text: str) -> str | None:
    """Return the plain address in a text, as "https://host:port/path" without a slash at the end, or None.

    An address may lead to one place only, whichever program reads it: it has no user, no backslash, no blank, no letter
    that is not ASCII, and no ".." in its path. The part after "?" or "#" is left out. A whole line of curl stands for
    the one address in it, and the host of a known vendor for its https address.

    Example:
        >>> address_in("curl -u apikey:… 'https://api.example.com/v1/analyze?version=1'")
        'https://api.example.com/v1/analyze'
        >>> address_in("https://good.example@evil.example")
    """
    text = unquoted(text)
    if re.match(r"\$?\s*curl\s", text):
        named = set(re.findall(r"https?://[^\s'\"\\]+", text))
        text = named.pop() if len(named) == 1 else ""
    # Speech services show the address of their web socket; requests over HTTP go to the same host.
    text = re.sub(r"^wss://", "https://", text)
    # Only hosts of the vendors get a scheme: any other word without one may be a key that is in the wrong place.
    if VENDORS.match(text):
        text = f"https://{text}"
    # Programs disagree about addresses with a user, a backslash or letters beyond ASCII: the host that is checked here
    # could be another than the one that is connected to.
    match = ADDRESS.fullmatch(text)
    if match is None or "@" in text or not _is_host(match["host"]) or ".." in (match["path"] or "").split("/"):
        return None
    port = match["port"] or ""
    if port and not 0 < int(port[1:]) < 65_536:  # noqa: PLR2004
        return None
    return f"{match['scheme'].lower()}://{match['host'].lower()}{port}{match['path'] or ''}".rstrip("/")


ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?"
    r"(?P<path>/[a-z0-9._~:/+=,-]*)?(?:[?#][!-~]*)?",
    # Without re.ASCII, "s" and "k" in small letters or capitals would also match a long s and the sign for kelvins.
    re.IGNORECASE | re.ASCII,
)
VENDORS = re.compile(
    r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(azure\.com|azure\.us|azure\.cn|microsoft\.com|googleapis\.com|cloud\.ibm\.com)(?![^/:?#])",
    re.IGNORECASE | re.ASCII,
)
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE | re.ASCII)


def without_path(address: str, roots: re.Pattern[str]) -> str:
    """Return an address without the part of its path that a pattern finds, and without what follows that."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    match = roots.search(slash + path)
    return f"{scheme}://{host}{(slash + path)[: match.start()] if match else slash + path}".rstrip("/")


def _is_host(host: str) -> bool:
    """Return whether a text is a host: a name, an IPv4 address in its usual form, or an IPv6 address in brackets."""
    labels = host.split(".")
    try:
        if host.startswith("["):
            return bool(IPv6Address(host[1:-1]))
        # Resolvers turn "127.1" and "2130706433" into 127.0.0.1. Here only the form with four numbers counts, which is
        # what it looks like.
        if labels[-1].isdigit():
            return bool(IPv4Address(host))
    except AddressValueError:
        return False
    # A single word that looks like a key is one: it must not even be asked for by name.
    return all(map(LABEL.fullmatch, labels)) and not (len(labels) == 1 and looks_like_key(host))


def shown_address(address: str) -> str:
    """Return scheme and host of an address, or a host alone, without the path and any part that looks like a key."""
    scheme, colon, rest = address.rpartition("://")
    host, slash, _ = rest.partition("/")
    # A user may have put a key where the name of the resource belongs, and a host is shown in errors.
    labels = ["…" if _hides(label) else label for label in host.split(".")]
    return f"{scheme}{colon}{'.'.join(labels)}{'/…' if slash else ''}"


def _hides(label: str) -> bool:
    """Return whether a part of a host is not shown: it looks like a key, and is not put together of words."""
    return looks_like_key(label) and re.search(r"\d", label) is not None and not WORDS.fullmatch(label)


WORDS = re.compile(r"[a-z]{1,15}[0-9]{0,4}(-[a-z]{0,15}[0-9]{0,4}){1,8}")
"""Several short words, with a number at most at the end of each, as people name their resources: no key looks so."""


def is_file(text: str) -> bool:
    """Return whether a text is the path of something that exists."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # it is too long, or it holds a NUL
        return False


def _text(text: str) -> str | None:
    return text


def _file(text: str) -> str | None:
    return None if "\0" in text else text


READERS: Mapping[Kind, Callable[[str], str | None]] = {
    "text": _text,
    "key": _key,
    "address": address_in,
    "project": _project,
    "file": _file,
    "model": _model,
    "id": _id,
}
"""The functions that return a value of each kind in its usual spelling, or None; a region has `_region`."""

PLACE = {
    "endpoint": Setting("endpoint", (), kind="address"),
    "region": Setting("region", (), kind="region"),
}

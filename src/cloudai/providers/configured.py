"""`Configured` is the base of a provider that looks its settings up: in code, in the environment, and in other sources.

A call keeps the settings that it has looked up. A later call takes them over only if nothing can have changed since. No
error, log or ``repr`` shows a value that may be a secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial, wraps
from hashlib import sha256
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from cloudai.errors import SettingsError
from cloudai.providers.settings import (
    GIVEN,
    Lookup,
    Setting,
    given_lookup,
    is_file,
    looks_like_key,
    lookup_in,
    shown,
    usable,
)

__all__ = ["OFFLINE", "Configured", "cached_per_call", "kept"]

OFFLINE = "offline"
"""The key of a call's cache whose value is true if the call sends nothing."""
S = TypeVar("S", bound="Configured")
P = ParamSpec("P")
R = TypeVar("R")


def cached_per_call(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method that looks settings up, so that a call keeps what it returns; see `Provider.for_call`.

    Within a call, all further calls of the method with the same arguments return the first value. If several threads
    call the method at the same time, each may carry it out, and all of them get the same value. Outside of a call,
    nothing is kept. An error is not kept either, so the method is carried out again. The arguments have to be hashable.
    """

    @wraps(method)
    def cached(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = method, args, *kwargs.items()
        # No variable of this frame holds the cache: the method may raise, and a crash report shows variables.
        try:
            return self._call_cache[key]  # type: ignore[no-any-return]
        except AttributeError:  # this is the user's provider, and not one that `for_call` has made for a call
            return method(self, *args, **kwargs)
        except KeyError:
            pass
        # The steps of a call may run in several threads: the first value counts for all of them.
        return self._call_cache.setdefault(key, method(self, *args, **kwargs))  # type: ignore[no-any-return]

    return cached


def kept(method: Callable[[S, str], R]) -> Callable[[S, str], R]:
    """Decorate a method that depends on settings alone, so that later calls take over what it has returned.

    A call begins without the values of earlier calls if the environment has changed since, or if the provider has
    `sources` of its own. The value for a setting that is one of `Provider.changing` is kept only until the call ends.
    Outside of a call, nothing is kept, and an error is never kept. The only argument of the method is the name of a
    setting or of a service.
    """

    @wraps(method)
    def looked_up(self: S, name: str, /) -> R:
        try:
            return (self._call_cache if name in self.changing else self._kept_cache)[method, name]  # type: ignore[no-any-return]
        except AttributeError:
            return method(self, name)
        except KeyError:
            pass
        value = method(self, name)
        (self._call_cache if name in self.changing else self._kept_cache)[method, name] = value
        return value

    return looked_up


class Configured:
    """The part of a provider that has a name and settings, given in code or looked up, but no operations."""

    # The two caches are slots, because `for_call` gives each call a provider with the same `__dict__`: an attribute in
    # it would be shared by all calls.
    __slots__ = ("__dict__", "__weakref__", "_call_cache", "_kept_cache")

    name: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]] = ()
    variables: ClassVar[tuple[str, ...]] = ()
    """Patterns of further variables that the vendor documents for its logins; ``--env-file`` may set them."""
    changing: ClassVar[tuple[str, ...]] = ()
    """Names of settings that are looked for in places that may change at any time, such as a file."""

    _given: Mapping[str, Any] = {}  # replaced by each instance, never changed
    _call_cache: dict[Any, Any]
    """The values that methods have returned during one call, and whether the call sends nothing, under `OFFLINE`.

    Only a provider that `for_call` returned has this attribute.
    """
    _kept_cache: dict[Any, Any]
    """The values that the methods decorated with `kept` have returned, some of them in earlier calls."""

    def for_call(self, *, offline: bool = False) -> Self:
        """Return a light copy of this provider, which keeps the settings that one call looks up.

        A setting is looked up when the call first needs it. A later call takes its value over while the environment is
        unchanged; it looks up anew a setting that is one of `changing`, and every setting if a subclass has `sources`
        of its own. The copy shares its attributes with this provider, so that what a call keeps on ``self`` is there
        for the next one. A subclass must have no ``__slots__``.

        Args:
            offline: Whether nothing is sent in the call, so that no setting has to be there.
        """
        # Neither the constructor nor `copy` may run: they would check the settings again, or refuse to copy a key.
        provider = object.__new__(type(self))
        object.__setattr__(provider, "__dict__", self.__dict__)  # it may be a frozen dataclass
        object.__setattr__(provider, "_call_cache", {OFFLINE: offline})
        object.__setattr__(provider, "_kept_cache", self._lookups())
        return provider

    def _lookups(self) -> dict[Any, Any]:
        """Return the dict in which the look-ups of this and of earlier calls are kept.

        It is empty if the environment has changed since the last call, or if a subclass overrides `sources`, because
        nobody would notice a change of a source that is not the environment. A subclass that overrides
        `lookup_outside` has to name the settings that may change in `changing`.
        """
        # Python's `os.environ` keeps the variables as bytes in `_data`, and decodes each one that is asked for. To
        # compare `_data` itself takes a microsecond, because nothing is decoded.
        environ = getattr(os.environ, "_data", None)
        if environ is None or type(self).sources is not Configured.sources:
            return {}
        known: tuple[object, dict[Any, Any]] = vars(self).get("_known", (None, {}))
        if known[0] != environ:
            # The environment and its dict are put in place as one tuple, so that no other thread sees the one without
            # the other.
            known = vars(self)["_known"] = dict(environ), {}
        return known[1]

    def setting(self, name: str) -> str | None:
        """Return the value of a setting, or None where it is not set; see `lookup`."""
        lookup = self.lookup(name)
        return lookup.value if lookup else None

    def file(self, name: str) -> str | None:
        """Return the path that a setting of the kind "file" names, or None where it is not set.

        Raises:
            SettingsError: Nothing is there; the error does not show the path, for it may be a key put in its place.
        """
        lookup = self.lookup(name)
        if lookup and not is_file(lookup.value):
            raise SettingsError(f"{self._named(name, lookup)} names no file that is there", advice="Check the path.")
        return lookup.value if lookup else None

    @kept
    def lookup(self, name: str) -> Lookup | None:
        """Return a setting and where it comes from, or None where it is not set.

        A value given to the constructor comes first, then the first variable of `sources` that is set. Its kind
        (`Setting.kind`) decides which values are accepted.

        Raises:
            SettingsError: The value is not what the setting asks for; the error names the setting, and not its value.
        """
        lookup = self.unchecked(name)
        # A value that was found before, in this call or an earlier one, need not be checked again.
        seen: dict[str, tuple[Lookup | None, Lookup | None]] = vars(self).setdefault("_seen", {})
        if name not in seen or seen[name][0] != lookup:
            setting = self._declared(name)
            checked = usable(setting, lookup, self._named(name, lookup)) if lookup and setting else lookup
            seen[name] = lookup, checked
        return seen[name][1]

    def unchecked(self, name: str) -> Lookup | None:
        """Return a setting whose value is not checked yet, or None where it is not set.

        The blanks and the quotation marks around the value are removed already.
        """
        return self._found_in_code(name) or self._looked_up_outside(name)

    def _found_in_code(self, name: str) -> Lookup | None:
        """Return a setting that was given to the constructor, or None; its value is not checked.

        The blanks and the quotation marks around the value are removed already.
        """
        # No variable of this frame holds the value: `Lookup` does not show what it holds.
        return given_lookup(self._given[name], name=name) if self._given.get(name) is not None else None

    def _named(self, name: str, lookup: Lookup) -> str:
        """Return how an error names a setting: by the variable it comes from, or by the argument."""
        named = self._argument(lookup.name or name) if lookup.where == GIVEN else lookup.where
        return f"{named} (without the quotation marks around it)" if lookup.quoted else named

    def _argument(self, name: str) -> str:
        """Return the argument of the constructor that gives a setting, as an error names it."""
        return f"{name}="

    def _declared(self, name: str) -> Setting | None:
        """Return the setting of this name that the class declares, or None if it declares none."""
        return next((setting for setting in self.settings if setting.name == name), None)

    @kept
    def _looked_up_outside(self, name: str) -> Lookup | None:
        """Return what `lookup_outside` returns, whichever class overrides that; `kept` says how long it is kept."""
        return self.lookup_outside(name)

    def lookup_outside(self, name: str) -> Lookup | None:
        """Return a setting from the first of the `sources` that has it, or None where none has.

        Raises:
            StopIteration: The class declares no setting of this name.
        """
        setting = next(s for s in self.settings if s.name == name)
        # No variable of this frame holds a source: the next one may raise, and a crash report shows variables.
        return next(filter(None, map(partial(lookup_in, setting), self.sources())), None)

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the sources of settings in the order in which they are asked, each with a text that says where it is.

        `Lookup.where` has that text behind the variable's name. The base class yields only the environment, without a
        text; a subclass may yield others after it, for example a file.
        """
        yield "", os.environ

    def account(self) -> str | None:
        """Return a digest of the keys and logins at hand, or None where there are none.

        Clients of one account share its pace, and the gate that a 429 closes.
        """
        keys = [*self.secrets(), *self.identities()]
        # The path of a file of credentials need not be UTF-8, and has halves of surrogate pairs then.
        text = "\n".join([self.name, *keys]).encode("utf-8", "surrogatepass")
        return sha256(text).hexdigest() if keys else None

    def secrets(self) -> list[str]:
        """Return the values of the secret settings at hand, which no error, log or result may repeat.

        A value that looks like a key is one, even where an address is expected.
        """
        suspects = [setting for setting in self.settings if setting.secret or setting.kind == "address"]
        # A value is not checked here: one that cannot be used may be a key all the same.
        lookups = [(setting, lookup) for setting in suspects if (lookup := self.unchecked(setting.name))]
        return [lookup.value for setting, lookup in lookups if setting.secret or looks_like_key(lookup.value)]

    def identities(self) -> list[str]:
        """Return texts that tell the logins at hand from others, as far as that is known before they are used.

        They may hold keys, and are only made into the digest of `account`.
        """
        return []

    def _left_out(self) -> Iterator[str]:
        """Yield a sentence for each secret setting whose value stood in quotation marks, which are not sent.

        A user whose key is refused may suspect the quotation marks, and the sentence says that they were left out.
        """
        for setting in self.settings:
            if setting.secret and (lookup := self.unchecked(setting.name)) and lookup.quoted:
                where = self._argument(lookup.name) if lookup.where == GIVEN else lookup.where
                yield f"The quotation marks around {where} were left out."

    def __repr__(self) -> str:
        given = {name: self._shown(name, value) for name, value in self._given.items() if value is not None}
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in given.items())})"

    def _shown(self, name: str, value: Any) -> str:
        """Return how ``repr`` shows an argument of the constructor; a secret is shown as "…"."""
        setting = self._declared(name)
        if setting is not None and setting.secret:
            return "'…'"
        if setting is None or not isinstance(value, str | os.PathLike):
            # If no setting says what the value is, or if the value is not a text or a path, then any text, list or
            # mapping is hidden, because it may hold a key. A number or a truth value is taken to hold none.
            return "'…'" if isinstance(value, Collection) else repr(value)
        return repr(shown(setting, str(value)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the class alone, so that another process looks the settings up in its own environment.

        Raises:
            TypeError: Settings were given in code, and a key must not be written into a pickle.
        """
        if any(value is not None for value in self._given.values()):
            raise TypeError(
                f"{type(self).__name__} with explicit settings does not pickle: a key must not leave this process. "
                "Keep the settings in the environment, and it pickles by name."
            )
        return type(self), ()

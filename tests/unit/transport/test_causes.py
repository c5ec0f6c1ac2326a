"""Errors whose causes go round in a circle, and exceptions that are of no library that is known."""

from __future__ import annotations

import pytest

from cloudai import CloudAIError, ConnectError
from cloudai.core.redaction import Secrets
from cloudai.errors import causes_of, detached
from cloudai.transport.errors import Sent, errors


class StrangeError(Exception):
    """An exception of the user's own transport."""


def in_a_circle() -> tuple[CloudAIError, CloudAIError]:
    """Return two errors that are each other's cause, as two threads that pass one error on can make them."""
    first, second = CloudAIError("가"), CloudAIError("나")
    first.__cause__, second.__cause__ = second, first
    return first, second


def test_an_unknown_exception_passes_as_it_is() -> None:
    """It is raised without a cause; it was its own cause, so that whoever went through the causes never came back."""
    with pytest.raises(StrangeError) as caught, errors("https://x.example", Sent()):
        raise StrangeError
    assert caught.value.__cause__ is None


def test_an_unknown_exception_keeps_its_own_cause() -> None:
    """The cause that it was raised with stays."""
    with pytest.raises(StrangeError) as caught, errors("https://x.example", Sent()):
        raise StrangeError from KeyError("가")
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("own", [True, False])
def test_a_circle_of_causes_ends(own: bool) -> None:
    """Detaching, withholding and translating come to an end, whether an error is its own cause or that of its cause."""
    first, second = in_a_circle()
    if own:
        first.__cause__ = first
    assert list(causes_of(first)) == [first] if own else [first, second]
    assert detached(first) is first
    Secrets({"geheim-1234"}).clear(first)
    broken = type("ConnectError", (Exception,), {})("no")
    broken.__cause__ = broken
    with pytest.raises(ConnectError), errors("https://x.example", Sent()):
        raise broken


def test_a_secret_in_a_circle_is_cut_off() -> None:
    """The chain is cut before the cause that repeats a key, and what lies behind it is not gone through."""
    first, second = in_a_circle()
    second.args = ("geheim-1234",)
    Secrets({"geheim-1234"}).clear(first)
    assert first.__cause__ is None

"""The error tree: names, pickling, one line, the built-in kinds."""

from __future__ import annotations

import pickle
import re

import pytest

import cloudai
from cloudai import errors
from cloudai.errors import CloudAIError

ALL = [getattr(errors, name) for name in errors.__all__]


def test_all_is_every_error_of_the_module() -> None:
    """__all__ names every class defined there, and cloudai exports each."""
    defined = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert set(errors.__all__) == defined <= set(cloudai.__all__)


@pytest.mark.parametrize("kind", ALL)
def test_names_end_in_error_and_stand_in_the_tree(kind: type[CloudAIError]) -> None:
    """Every class ends in Error, descends from CloudAIError, and is drawn in the module's docstring."""
    assert kind.__name__.endswith("Error")
    assert issubclass(kind, CloudAIError)
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")


@pytest.mark.parametrize("kind", ALL)
def test_errors_pickle_with_all_they_carry(kind: type[CloudAIError]) -> None:
    """An error crosses processes (a pool of workers) with its text and its books."""
    error = kind("words", "local") if kind is errors.MissingExtraError else kind("words", advice="do this")  # type: ignore[call-arg]
    error.provider, error.attempts, error.billed_max = "google", 3, 2
    again = pickle.loads(pickle.dumps(error))  # our own bytes
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InputError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.UnsupportedOperationError, NotImplementedError),
        (errors.ConnectError, ConnectionError),
        (errors.ConnectionLostError, ConnectionError),
        (errors.DeadlineExceededError, TimeoutError),
        (errors.ReplayError, LookupError),
    ],
)
def test_errors_are_the_builtin_ones_too(kind: type[Exception], builtin: type[Exception]) -> None:
    """Code that knows only Python's own errors catches these."""
    assert issubclass(kind, builtin)


def test_the_text_is_one_line_with_the_provider_and_the_advice() -> None:
    """who: what happened. What to do."""
    error = CloudAIError("no key", advice="Set GOOGLE_API_KEY.")
    error.provider = "google"
    assert str(error) == "google: no key. Set GOOGLE_API_KEY."
    assert str(CloudAIError("is it a web page?", advice="Look.")) == "is it a web page? Look."

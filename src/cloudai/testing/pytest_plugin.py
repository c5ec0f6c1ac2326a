"""A fixture of pytest that answers the calls of a test from a cassette, or records the cassette anew.

Name the module in the ``conftest.py`` of your tests; nothing of it is loaded otherwise:

    pytest_plugins = ["cloudai.testing.pytest_plugin"]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudai.providers.base import Provider
from cloudai.testing import Recording, Replaying, recording, replaying

__all__ = ["cloudai_cassette"]

FLAG = "--cloudai-record"
FOLDER = "cassettes"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag by which the calls are sent, and their cassettes written anew."""
    parser.getgroup("cloudai").addoption(
        FLAG, action="store_true", help="send the calls of cloudai, which may cost, and write their cassettes anew"
    )


@pytest.fixture
def cloudai_cassette(request: pytest.FixtureRequest) -> Callable[..., Recording | Replaying]:
    """Return a function that gives a client whose calls a cassette answers.

    The cassettes are in the folder ``cassettes`` beside the test. With ``pytest --cloudai-record`` the calls are sent,
    and the cassettes written anew.

    Example:
        def test_team(cloudai_cassette):
            with cloudai_cassette("google", "team.json") as client:
                assert len(client.detect_faces("team.jpg")) == 3
    """
    folder = Path(request.path).parent / FOLDER

    def use(provider: str | Provider, name: str, **options: Any) -> Recording | Replaying:
        if request.config.getoption(FLAG):
            folder.mkdir(exist_ok=True)
            return recording(provider, folder / name, **options)
        return replaying(provider, folder / name, **options)

    return use

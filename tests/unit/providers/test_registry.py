"""Providers of other distributions: found by entry point, a broken one told by the distribution's name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client, ContractError, Provider, SettingsError, UnsupportedOperationError
from cloudai.cli import main
from cloudai.providers.base import capability
from cloudai.providers.registry import find, names, usable
from cloudai.testing import check_provider

MODULE = """
from cloudai import Provider
class Vendor(Provider):
    name = "{name}"
    contract = {contract}
"""
Installed = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Install a distribution into a folder of its own, as pip leaves it: a module and a ``.dist-info``."""

    def install(
        distribution: str,
        name: str = "naver",
        *,
        body: str | None = None,
        says: str | None = None,
        contract: object = 2,
    ) -> None:
        folder, module = tmp_path / distribution, distribution.replace("-", "_")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(body or MODULE.format(name=says or name, contract=contract), "utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[cloudai.providers]\n{name} = {module}:Vendor\n", "utf-8")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def test_a_provider_is_found_by_its_entry_point(install: Installed) -> None:
    """By name, after ours; listed by every error that lists providers."""
    install("clova-for-cloudai")
    assert names() == ["azure", "google", "watson", "local", "naver"]
    assert find("naver").name == "naver"
    assert Client("naver", offline=True).provider.name == "naver"
    with pytest.raises(SettingsError, match="Available: azure, google, watson, local, naver"):
        find("kakao")


def test_two_entry_points_of_one_name_are_an_error_naming_both_distributions(install: Installed) -> None:
    """Neither is chosen in silence; the other providers serve on."""
    install("clova-for-cloudai")
    install("another-clova")
    with pytest.raises(SettingsError, match="two providers are called 'naver': another-clova and clova-for-cloudai"):
        Client("naver")
    assert names().count("naver") == 1
    with (
        Client("watson", offline=True) as client,
        pytest.raises(UnsupportedOperationError, match="Available from: azure"),
    ):
        client.dictionary("x", source="en", to="ko")


def test_ours_are_not_replaced(install: Installed) -> None:
    """A distribution that calls its provider "google" is not asked."""
    install("not-google", "google")
    assert find("google") is cloudai.Google


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "text"),
    [
        (
            {"body": "import no_such_package"},
            r"of clova-for-cloudai cannot be loaded \(ModuleNotFoundError.*Upgrade",
        ),
        ({"body": "Vendor = 1"}, "of clova-for-cloudai is no class of Provider"),
        ({"body": "raise RuntimeError('한글\\n두 줄')"}, r"\(RuntimeError: 한글 두 줄\)"),
        ({"contract": 3}, "written for contract 3, and this cloudai has 2. Upgrade cloudai"),
        ({"contract": 1}, "written for contract 1, and this cloudai has 2. Upgrade clova-for-cloudai"),
        ({"says": "kakao"}, "is called 'kakao' by itself"),
        ({"contract": "'2'"}, "names no contract: '2' is no whole number"),
        (
            {"body": "from cloudai import Provider\nclass Vendor(Provider):\n    contract = 2"},
            "has no name that can be used",
        ),
        (
            {"body": MODULE.format(name="naver", contract=2) + "    absent = None"},
            r"cannot say what it can do \(AttributeError",
        ),
    ],
)
def test_a_broken_one_is_told_and_hides_no_other(
    install: Installed, capsys: pytest.CaptureFixture[str], how: dict[str, object], text: str
) -> None:
    """The error names the distribution; `cloudai providers` and `cloudai doctor` show the others, and say so."""
    install("clova-for-cloudai", **how)
    with pytest.raises(SettingsError, match=text):
        find("naver")
    found, (problem,) = usable()
    assert list(found) == ["azure", "google", "watson", "local"]
    for command in (["providers"], ["doctor"]):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert "watson" in out
        assert str(problem) in out


def test_a_provider_that_cannot_be_made_is_told_by_doctor(
    install: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    """What its constructor raises is a line of its own, and the other providers are shown."""
    made = "    def __init__(self):\n        raise RuntimeError('고장')\n"
    install("clova-for-cloudai", body=MODULE.format(name="naver", contract=2) + made)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "naver: unusable (RuntimeError: 고장)" in out
    assert "watson: " in out


def test_doctor_lists_a_setting_that_cannot_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lexicon that is not there is the kind of mistake that doctor is for: it ends with the whole screen."""
    monkeypatch.setenv("CLOUDAI_LEXICON", "/nope.csv")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "sentiment: CLOUDAI_LEXICON names no file that is there" in out
    assert "local: ready for" in out


class Nameless(Provider):
    """A provider that has forgotten its name."""

    contract = Provider.contract


class Clova(Nameless):
    """A provider whose methods are no flows."""

    name = "clova"

    @capability("open", page="https://example.com", checked="2026-01-31")
    def sentiment(self, text: str, **options: Any) -> Any:
        """Return a number where a generator is due."""
        return 3

    @capability("open", page="https://example.com", checked="2026-01-31")
    def detect_language(self, text: str, **options: Any) -> Any:
        """Yield a text where a step is due."""
        yield "a text"

    @capability("open", page="https://example.com", checked="2026-01-31")
    def key_phrases(self, text: str, **options: Any) -> Any:
        """Return a text where a result is due."""
        return "phrases"
        yield


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"contract": None}, "names no contract: None is no whole number. Let its class say contract = 2"),
        ({"contract": "2"}, "names no contract"),
        ({"name": "google"}, "is called 'google', as one of cloudai's own. Give it another name"),
    ],
)
def test_a_provider_that_is_given_is_checked_as_one_that_is_found(changes: dict[str, object], text: str) -> None:
    """Its contract and its name are looked at before the first call."""
    with pytest.raises(SettingsError, match=text):
        Client(type("Vendor", (Clova,), changes)())


def test_a_class_in_place_of_an_object_and_the_other_way_round() -> None:
    """The error says what to write instead; a subclass of a provider of ours may have its name."""
    kind: Any = Clova
    with pytest.raises(SettingsError, match=r"Give an object: Clova\(\)"):
        Client(kind)
    with pytest.raises(SettingsError, match="has no name that can be used"):
        Client(Nameless())
    with pytest.raises(SettingsError, match="Give its class: Clova"):
        check_provider(kind())
    assert Client(type("Own", (cloudai.Google,), {})(), offline=True).provider.name == "google"


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ("sentiment", "sentiment returns a int, where a flow is expected"),
        ("detect_language", "detect_language yields str, and no step of a flow"),
        ("key_phrases", "key_phrases returns str, and no result"),
    ],
)
def test_a_method_that_is_no_flow(operation: str, text: str) -> None:
    """A call says what the provider's method does wrong, in words of the contract."""
    with Client(Clova(), offline=True) as client, pytest.raises(ContractError, match=text):
        getattr(client, operation)("Good.")

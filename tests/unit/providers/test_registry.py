"""Providers of other distributions: found by entry point, a broken one told by the distribution's name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cloudai
from cloudai import Client, SettingsError, UnsupportedOperationError
from cloudai.cli import main
from cloudai.providers.registry import find, names, usable

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
        distribution: str, name: str = "naver", *, body: str | None = None, says: str | None = None, contract: int = 2
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

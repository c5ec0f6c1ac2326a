"""No setting makes another host or path of an address, none shows a secret, and common slips are understood."""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure, Client, Google, Local, Provider, Resource, Response, SettingsError, Watson
from cloudai.cli import main
from cloudai.core.flow import Request
from cloudai.providers.settings import Lookup, Setting, address_in, shown, usable
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.canaries import hits, logged, shown_by
from tests.support.played import GREETING, PICTURE, REVIEW

KEY = "0123456789abcdefCANARY0123456789"
AZURE = "https://one.cognitiveservices.azure.com"
NLU = "https://api.eu-de.natural-language-understanding.watson.cloud.ibm.com/instances/1f2e"
SPEECH = "https://api.eu-de.speech-to-text.watson.cloud.ibm.com/instances/1f2e"

REGIONS = (
    *("evil.example/", "evil.example#", "evil.example?x=", "evil.example:443/", "user@evil.example/", "evil.example\\"),
    *("p4ssw0rd", "a1b2c3d4e5f6", "eastus2024"),
    *("korea\r\nHost: evil.example", "한국", "koreacentral/..", "koreacentral%2f", "a.b", "-", "x" * 40, KEY),
)
ADDRESSES = (
    *("https://good.example@evil.example", "https://good.example\\@evil.example", "https://good.example#@evil.example"),
    *("//evil.example", "https:evil.example", "https:///evil.example", "evil.example", "javascript:alert(1)"),
    *("https://good.example:443@evil.example", "https://ｅvil.example", "https://예시.한국", "https://[evil]"),
    *("https://good.example\t.evil.example", "https://good.example\n.evil.example", "https://good.example/../.."),
    *(
        "http://[::1].evil.example",
        "http://127.0.0.1:80@evil.example/",
        "https://1.2.3",
        "https://a..b",
        "https://-a.b",
    ),
    *("https://good.example:99999", "https://good.example:0", f"https://{KEY}", KEY, '{"a": 1}', f"user:{KEY}"),
)
PROJECTS = ("p/../../evil", "p?x", "p#", "한국", "../x", "My Project", "p/locations/eu", "p%2f", KEY)


def made(vendor: str, **settings: Any) -> Provider:
    """Return a provider with a key, which makes no other call fail."""
    if vendor == "azure":
        return Azure(key=KEY, **settings)
    if vendor == "google":
        return Google(api_key=KEY, **settings)
    return Watson(**{name: Resource(KEY, url) for name, url in settings.items()})


HOSTILE = [
    *(("azure", "region", value) for value in REGIONS),
    *(("azure", "endpoint", value) for value in ADDRESSES),
    *(("google", "location", value) for value in REGIONS),
    *(("google", "project", value) for value in PROJECTS),
    *(("google", "endpoint", value) for value in ADDRESSES),
    *(("google", "speech_endpoint", value) for value in ADDRESSES[:3]),
    *(("watson", "speech_to_text", value) for value in ADDRESSES),
]


@pytest.mark.parametrize(("vendor", "setting", "value"), HOSTILE)
def test_a_value_that_is_no_part_of_an_address_reaches_no_server(vendor: str, setting: str, value: str) -> None:
    """Nothing is sent, `supports` is False, and neither the error, its frames nor the repr show the value."""
    script = Script()
    other = (
        {"project": "my-project", "location": "eu"} if vendor == "google" and setting in ("location", "project") else {}
    )
    provider = made(vendor, **{**other, setting: value})
    with Client(provider, send=script) as client, pytest.raises(SettingsError) as raised:
        client.speech_to_text(GREETING, language="ko-KR")
    assert not script.requests
    assert "is no " in str(raised.value)
    if len(value) > 3:
        told = f"{raised.value} {shown_by(raised.value)} {provider!r} {client!r}"
        assert value not in told
        assert KEY not in told


@pytest.mark.parametrize("colour", ["env", "file", "cloud foundry"])
def test_where_a_value_comes_from_makes_no_difference(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, colour: str
) -> None:
    """The environment, a credentials file and Cloud Foundry are checked as code is; the error says which it was."""
    url = "https://good.example@evil.example"
    values = {"SPEECH_TO_TEXT_APIKEY": KEY, "SPEECH_TO_TEXT_URL": url}
    path = tmp_path / "내 열쇠.env"
    if colour == "env":
        for name, value in values.items():
            monkeypatch.setenv(name, value)
    elif colour == "file":
        path.write_text("\n".join(f"{name}={value}" for name, value in values.items()), "utf-8")
        monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(path))
    else:
        bound = {"speech-to-text": [{"credentials": {"apikey": KEY, "url": url}}]}
        monkeypatch.setenv("VCAP_SERVICES", json.dumps(bound))
    with pytest.raises(SettingsError, match=r"SPEECH_TO_TEXT_URL.* is no address") as raised:
        call("watson", "speech_to_text", GREETING, language="ko-KR", send=Script())
    assert ("내 열쇠.env" in str(raised.value)) == (colour == "file")
    assert "evil" not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("SPEECH_REGION", "evil.example/"), ("LANGUAGE_ENDPOINT", KEY)])
def test_azure_s_variables_are_checked(call: Caller, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A variable that holds no region or no address is named."""
    service = name.partition("_")[0]
    monkeypatch.setenv(f"{service}_KEY", "k" * 32)
    monkeypatch.setenv(name, value)
    given = ("speech_to_text", GREETING) if service == "SPEECH" else ("sentiment", REVIEW)
    with pytest.raises(SettingsError, match=f"azure: {name} is no ") as raised:
        call("azure", *given, language="ko-KR", send=Script())
    assert value not in str(raised.value)


def vendors_clients() -> list[tuple[str, Callable[[], Any]]]:
    """Return vendors' own clients whose addresses would lead two programs to different hosts."""

    def nlu() -> Any:
        from ibm_cloud_sdk_core.authenticators import BasicAuthenticator
        from ibm_watson import NaturalLanguageUnderstandingV1

        service = NaturalLanguageUnderstandingV1("2022-08-10", authenticator=BasicAuthenticator("apikey", KEY))
        service.service_url = "https://good.example@evil.example"
        return service

    def texts() -> Any:
        from azure.ai.textanalytics import TextAnalyticsClient
        from azure.core.credentials import AzureKeyCredential

        return TextAnalyticsClient("https://good.example\\@evil.example", AzureKeyCredential(KEY))

    return [("watson", nlu), ("azure", texts)]


@pytest.mark.parametrize(("name", "make"), vendors_clients(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_address_of_a_vendors_own_client_is_checked(name: str, make: Callable[[], Any]) -> None:
    """`from_vendor` refuses a client whose endpoint is no plain address, and does not show it."""
    pytest.importorskip({"watson": "ibm_watson", "azure": "azure.ai.textanalytics"}[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = make()
    with pytest.raises(SettingsError, match="is no address") as raised:
        Client.from_vendor(client)
    assert "evil" not in str(raised.value)


@pytest.mark.parametrize("address", ["http://localhost.evil.example", "http://127.0.0.1.evil.example"])
def test_a_key_goes_out_over_https_or_to_this_computer_whoever_sends_it(call: Caller, address: str) -> None:
    """A user's own ``send=`` is given no request with a key that plain http would carry over a network."""
    script = Script(ok({}))
    with pytest.raises(SettingsError, match="in the clear"):
        call(Google(api_key=KEY, endpoint=address), "sentiment", REVIEW, send=script)
    assert not script.requests
    call(Google(api_key=KEY, endpoint="http://127.0.0.1:8399"), "detect_faces", PICTURE, send=lambda _: SEEN)
    call(Google(api_key=KEY, endpoint=address), "detect_faces", PICTURE, send=lambda _: SEEN, client_allow_http=True)


SEEN = ok({"responses": [{}]})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://x.example/", "https://x.example"),
        ("HTTPS://X.Example:8443/a/b/?c#d", "https://x.example:8443/a/b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://my_emulator:8399", "http://my_emulator:8399"),
        ("'https://x.example'", "https://x.example"),
        ("“https://x.example”", "https://x.example"),
        ("wss://x.example/v1/recognize", "https://x.example/v1/recognize"),
        ("one.cognitiveservices.azure.com/", "https://one.cognitiveservices.azure.com"),
        ("curl -X POST -u 'apikey:abc' \\\n 'https://x.example/v1/analyze?version=1'", "https://x.example/v1/analyze"),
        ("curl https://x.example https://y.example", None),
        ("one.cognitiveservices.azure.com.evil.example", None),
        ("https://x.example/한국", None),
        ("https://my-vi\u017fion.example", None),  # a long s
        ("http\u017f://x.example", None),
        ("https://\u212aey.example", None),  # the sign for kelvins
        ("my.googleapi\u017f.com", None),
        ("", None),
    ],
)
def test_an_address_has_one_spelling_or_none(text: str, address: str | None) -> None:
    """What leads to one place is written plainly; what may lead to another is None."""
    assert address_in(text) == address


def test_a_whole_line_of_curl_is_the_address_in_it() -> None:
    """IBM's pages show a line of curl with the key in it: its address is used, and its key is not shown."""
    line = f"curl -X POST -u 'apikey:{KEY}' '{NLU}/v1/analyze?version=2022-08-10'"
    watson = Watson(nlu=Resource("k" * 40, line))
    assert watson.base("nlu") == NLU
    assert KEY not in repr(watson)


@pytest.mark.parametrize("given", [f"{NLU}/v1", f"{NLU}/v1/analyze?version=2022-08-10", f"{NLU}/", f' "{NLU}" '])
def test_ibm_s_url_with_the_path_of_the_api(given: str) -> None:
    """The URL of the instance is what is left without the path of the API."""
    assert Watson(nlu=Resource("k" * 40, given)).base("nlu") == NLU


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ("East US", "eastus"),
        ("(Asia Pacific) Korea Central", "koreacentral"),
        ("KoreaCentral", "koreacentral"),
        ("https://eastus.api.cognitive.microsoft.com/", "eastus"),
        ("https://eastus2euap.stt.speech.microsoft.com/speech/recognition", "eastus2euap"),
        ("wss://westeurope.stt.speech.microsoft.com", "westeurope"),
    ],
)
def test_a_region_as_the_portal_shows_it(given: str, region: str) -> None:
    """The display name of a region, and the address of a region's services, stand for the region."""
    azure = Azure(key=KEY, region=given)
    assert azure.base("language") == f"https://{region}.api.cognitive.microsoft.com"
    assert azure.setting("region") == region


@pytest.mark.parametrize("region", ["us", "eastus2", "germanywestcentral", "europe-west12", "us-central1", "us-gov-2"])
def test_the_names_of_regions_end_with_their_number(region: str) -> None:
    """A region has letters and hyphens, and its number stands at the end; any other digits are those of a key."""
    assert Google(location=region).setting("location") == region


def test_the_address_of_a_resource_in_place_of_its_region() -> None:
    """The address counts as the endpoint; that of a region's speech services counts as the region."""
    assert Azure(key=KEY, region=f"{AZURE}/").base("speech") == AZURE
    resource = Azure(key=KEY, endpoint="https://koreacentral.stt.speech.microsoft.com/x").resource("speech")
    assert (resource.endpoint, resource.region) == (None, "koreacentral")
    assert Google(api_key=KEY, location="https://eu-vision.googleapis.com").setting("location") == "eu"


@pytest.mark.parametrize("colour", ["code", "env"])
def test_key_and_address_in_each_others_places(call: Caller, monkeypatch: pytest.MonkeyPatch, colour: str) -> None:
    """Both are put right, the key goes out as a key, and neither the repr nor doctor shows it."""
    swapped: dict[str, tuple[Provider, str, Any]] = {}
    if colour == "code":
        swapped["azure"] = (Azure(key=f"{AZURE}/", endpoint=KEY), "sentiment", MOOD_OF_AZURE)
        swapped["watson"] = (Watson(apikey=NLU, url=KEY), "sentiment", MOOD_OF_WATSON)
    else:
        for name, value in (("LANGUAGE_KEY", AZURE), ("LANGUAGE_ENDPOINT", KEY)):
            monkeypatch.setenv(name, value)
        for name, value in (("APIKEY", NLU), ("URL", KEY)):
            monkeypatch.setenv(f"NATURAL_LANGUAGE_UNDERSTANDING_{name}", value)
        swapped["azure"] = (Azure(), "sentiment", MOOD_OF_AZURE)
        swapped["watson"] = (Watson(), "sentiment", MOOD_OF_WATSON)
    for vendor, (provider, operation, reply) in swapped.items():
        script = Script(reply)
        with logged() as log:
            call(provider, operation, REVIEW, language="ko", send=script)
        (request,) = script.requests
        assert request.url.startswith("https://")
        sent = {"azure": KEY, "watson": "Basic " + base64.b64encode(f"apikey:{KEY}".encode()).decode()}[vendor]
        assert sent in request.headers.values()
        assert KEY in provider.secrets()
        out = io.StringIO()
        with redirect_stdout(out):
            main(["doctor", vendor])
        assert not hits("\n".join([repr(provider), out.getvalue(), *log]), [KEY])


MOOD_OF_AZURE = ok(
    {
        "results": {
            "documents": [
                {
                    "id": "0",
                    "sentiment": "positive",
                    "confidenceScores": {"positive": 1, "neutral": 0, "negative": 0},
                    "sentences": [],
                }
            ],
            "errors": [],
        }
    }
)
MOOD_OF_WATSON = ok({"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}})


@pytest.mark.parametrize("value", [AZURE, '{"private_key": "x"}', "a b", "내 열쇠", "/home/me/key.json", "a\nb"])
def test_what_is_no_key_is_not_sent(call: Caller, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """An address, JSON, a path or words in the place of a key: the variable is named, and its value is not shown."""
    monkeypatch.setenv("GOOGLE_API_KEY", value)
    with pytest.raises(SettingsError, match="GOOGLE_API_KEY is no key") as raised:
        call("google", "sentiment", REVIEW, send=Script())
    assert value not in str(raised.value)


def test_quotation_marks_around_a_value(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are left out, the right key is sent, and a refusal says that they were left out."""
    monkeypatch.setenv("SPEECH_TO_TEXT_APIKEY", f"'{KEY}'")
    monkeypatch.setenv("SPEECH_TO_TEXT_URL", f'"{SPEECH}"')
    script = Script(Response(401, {}, b"{}"))
    with pytest.raises(Exception, match="quotation marks around SPEECH_TO_TEXT_APIKEY were left out"):
        call("watson", "speech_to_text", GREETING, language="ko-KR", send=script)
    assert script.requests[0].url.startswith(SPEECH)
    sent = base64.b64decode(script.requests[0].headers["Authorization"].split()[1]).decode()
    assert sent == f"apikey:{KEY}"


def test_the_content_of_ibm_s_file_in_place_of_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that holds the lines of the credentials file is read as the file is."""
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", f"SPEECH_TO_TEXT_APIKEY={KEY}\nSPEECH_TO_TEXT_URL={SPEECH}\n")
    watson = Watson()
    assert (watson.setting("speech_to_text_apikey"), watson.base("speech_to_text")) == (KEY, SPEECH)
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", KEY)
    with pytest.raises(SettingsError, match="IBM_CREDENTIALS_FILE names no file") as raised:
        watson.setting("speech_to_text_apikey")
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("key", [KEY.encode(), [KEY], (KEY,), {KEY}], ids=["bytes", "list", "tuple", "set"])
@pytest.mark.parametrize("vendor", ["azure", "google", "watson"])
def test_a_key_that_is_no_text_is_not_sent(call: Caller, vendor: str, key: Any) -> None:
    """Bytes, or a list with the key in it, are not written as a text; neither the error nor the repr shows them."""
    provider = {
        "azure": lambda: Azure(key=key, endpoint=AZURE),
        "google": lambda: Google(api_key=key),
        "watson": lambda: Watson(nlu=Resource(key, NLU)),
    }[vendor]()
    with pytest.raises(SettingsError, match=r"is no key") as raised:
        call(provider, "sentiment", "좋아요", language="ko", send=lambda _: ok({}))
    assert KEY not in f"{raised.value}{provider!r}"


@pytest.mark.parametrize("given", [(KEY, NLU), {"key": KEY, "endpoint": NLU}, KEY], ids=["tuple", "dict", "key"])
def test_what_stands_in_place_of_a_resource_is_told(given: Any) -> None:
    """A tuple, a dict or a key alone is an error that shows nothing of it, and is never passed over."""
    for make in (lambda: Watson(nlu=given), lambda: Azure(language=given)):
        with pytest.raises(SettingsError, match=r'(nlu|language)= is a \w+\. Give Resource\("KEY"') as raised:
            make()
        assert KEY not in str(raised.value)


@pytest.mark.parametrize("use", [Client, lambda key: Client("local").supports(key)])
def test_a_key_in_place_of_a_name_is_not_repeated(use: Any) -> None:
    """A key where the name of a provider or an operation belongs is in no error; a slip is repeated."""
    with pytest.raises(SettingsError, match=r"'…' is no (provider|operation)"):
        use(KEY)
    with pytest.raises(SettingsError, match=r"'한글 이름' is no (provider|operation)"):
        use("한글 이름")


def test_a_file_that_is_not_there_is_not_named(call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path is shown only where something is there: a key may have been put in its place."""
    for name, (operation, given) in {
        "CLOUDAI_FACE_MODEL": ("detect_faces", PICTURE),
        "CLOUDAI_LEXICON": ("sentiment", REVIEW),
    }.items():
        monkeypatch.setenv(name, KEY)
        with pytest.raises(SettingsError, match=f"{name} names no file") as raised:
            call("local", operation, given)
        assert not hits(shown_by(raised.value), [KEY])
    path = tmp_path / "사전.csv"
    path.write_text("좋아요,1\n", "utf-8")
    assert "사전.csv" in repr(Local(lexicon=path))
    assert KEY not in repr(Local(lexicon=KEY))


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        (Setting("k", (), secret=True, kind="key"), KEY, "…6789"),
        (Setting("k", (), secret=True, kind="key"), "short", "…"),
        (Setting("k", (), secret=True), f"two words {KEY}", "…"),
        (Setting("a", (), kind="address"), f"{AZURE}/path/{KEY}", f"{AZURE}/…"),
        (Setting("a", (), kind="address"), f"https://{KEY}.azure.com", "https://….azure.com"),
        (Setting("a", (), kind="address"), KEY, "…"),
        (Setting("t", ()), "anything", "…"),
        (Setting("t", (), choices=("4.0",)), "4.0", "4.0"),
        (Setting("t", (), choices=("4.0",)), KEY, "…"),
        (Setting("f", (), kind="file"), KEY, "…"),
        (Setting("f", (), kind="file"), str(Path(__file__)), str(Path(__file__))),
        (Setting("r", (), kind="region"), "Korea Central", "koreacentral"),
    ],
)
def test_only_what_is_harmless_is_shown(setting: Setting, value: str, text: str) -> None:
    """A host, a region, a file that is there, one of several words, and the last four characters of a key."""
    assert shown(setting, value) == text


def test_an_error_of_the_validator_holds_no_value() -> None:
    """Neither its text nor the frames through which it came show what was found."""
    with pytest.raises(SettingsError) as raised:
        usable(Setting("a", (), kind="address"), Lookup(KEY, "FACE_ENDPOINT"), "FACE_ENDPOINT")
    assert not hits(shown_by(raised.value), [KEY])


def test_doctor_tells_of_a_setting_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the variable and what is wrong, goes on with the others, and shows no value."""
    monkeypatch.setenv("SPEECH_KEY", KEY)
    monkeypatch.setenv("SPEECH_REGION", f"evil.example/{KEY}")
    monkeypatch.setenv("CLOUDAI_GOOGLE_ENDPOINT", KEY)
    main(["doctor"])
    printed = capsys.readouterr().out
    assert "SPEECH_REGION is no region" in printed
    assert "CLOUDAI_GOOGLE_ENDPOINT is no address" in printed
    assert KEY not in printed
    assert "…6789" in printed


class Asked:
    """A ``send`` that notes the hosts it was to send to."""

    def __init__(self, reply: Response) -> None:
        self.reply = reply
        self.urls: list[str] = []

    def __call__(self, request: Request) -> Response:
        """Note the address, and answer."""
        self.urls.append(request.url)
        return self.reply


@pytest.mark.parametrize(
    ("settings", "variables", "base"),
    [
        ({"endpoint": "https://google.corp.example/"}, {}, "https://google.corp.example"),
        ({"endpoint": "http://127.0.0.1:8399/v2/x"}, {}, "http://127.0.0.1:8399"),
        ({}, {"CLOUDAI_GOOGLE_ENDPOINT": "https://all.example"}, "https://all.example"),
        (
            {},
            {"CLOUDAI_GOOGLE_ENDPOINT": "https://all.example", "CLOUDAI_GOOGLE_LANGUAGE_ENDPOINT": "https://l.example"},
            "https://l.example",
        ),
        (
            {"endpoint": "https://code.example"},
            {"CLOUDAI_GOOGLE_LANGUAGE_ENDPOINT": "https://e.example"},
            "https://code.example",
        ),
        ({"endpoint": "https://c.example", "language_endpoint": "https://l.example"}, {}, "https://l.example"),
        ({"speech_endpoint": "https://s.example"}, {}, "https://language.googleapis.com"),
    ],
)
def test_google_at_another_address(
    call: Caller, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], variables: dict[str, str], base: str
) -> None:
    """Code goes before the environment, the address of one service before that of all; the path of the API is ours."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    asked = Asked(ok({"documentSentiment": {"score": 0.5, "magnitude": 0.5}, "languageCode": "ko"}))
    call(Google(api_key=KEY, **settings), "sentiment", REVIEW, send=asked)
    assert asked.urls == [f"{base}/v2/documents:analyzeSentiment"]


def test_each_of_google_s_services_has_an_address(call: Caller) -> None:
    """Pictures and recordings go where they are sent to, whatever the location, and doctor and plan say where."""
    google = Google(api_key=KEY, endpoint="https://g.example", location="eu")
    seen = Asked(SEEN)
    call(google, "detect_faces", PICTURE, send=seen)
    heard = Asked(ok({"results": []}))
    call(google, "speech_to_text", GREETING, language="ko-KR", send=heard)
    v2 = Google(api_key=KEY, endpoint="https://g.example", location="eu", project="my-project")
    call(v2, "speech_to_text", GREETING, language="ko-KR", send=heard)
    assert [*seen.urls, *heard.urls] == [
        "https://g.example/v1/images:annotate",
        "https://g.example/v1/speech:recognize",
        "https://g.example/v2/projects/my-project/locations/eu/recognizers/_:recognize",
    ]
    assert google.destinations() == ("g.example",)
    assert google.cache_scope("sentiment")["endpoint"] == "https://g.example"


def test_short_audio_at_another_address(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one host of Azure that is fixed by the region has a setting too."""
    monkeypatch.setenv("CLOUDAI_AZURE_SHORT_AUDIO_ENDPOINT", "http://127.0.0.1:8399")
    asked = Asked(ok({"RecognitionStatus": "Success", "DisplayText": "안녕하세요"}))
    call(Azure(key=KEY, region="koreacentral"), "speech_to_text", GREETING, language="ko-KR", send=asked)
    assert asked.urls[0].startswith("http://127.0.0.1:8399/speech/recognition/")


@pytest.mark.parametrize(
    ("provider", "named"),
    [
        (Azure(key=KEY, endpoint="https://nobody.invalid"), "endpoint="),
        (Azure(key=KEY, language=Resource(endpoint="https://nobody.invalid")), "endpoint in language="),
        (Watson(nlu=Resource(KEY, "https://nobody.invalid")), "url in nlu="),
        (Google(api_key=KEY, endpoint="https://nobody.invalid"), "endpoint="),
        (None, "LANGUAGE_ENDPOINT"),
    ],
)
def test_a_host_that_nobody_knows_may_be_misspelt(
    call: Caller, monkeypatch: pytest.MonkeyPatch, provider: Provider | None, named: str
) -> None:
    """The error says to check the spelling of the setting before it says to check the network."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise OSError("[Errno -2] Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    monkeypatch.setenv("LANGUAGE_KEY", KEY)
    monkeypatch.setenv("LANGUAGE_ENDPOINT", "https://nobody.invalid")
    with pytest.raises(Exception, match=r"cannot reach nobody\.invalid") as raised:
        call(provider or Azure(), "sentiment", REVIEW, client_max_attempts=1)
    text = str(raised.value)
    assert f"Check the spelling of {named}." in text
    assert text.index("spelling") < text.index("network")


@pytest.mark.parametrize(
    ("address", "shows"),
    [
        ("https://my-vision-resource-korea-2024.cognitiveservices.azure.com", "my-vision-resource-korea-2024"),
        ("https://0123456789abcdef0123456789abcdef.cognitiveservices.azure.com", "…"),
        ("https://aizasyd9tsrke72pouqmnmx-a7ezsw0jkfmbwyx.googleapis.com", "…"),
    ],
)
def test_a_host_is_shown_in_full_unless_it_holds_a_key(address: str, shows: str) -> None:
    """A name of several words is one that people give to a resource; a long run of letters and digits may be a key."""
    setting = Setting("endpoint", (), kind="address")
    assert shown(setting, address).removeprefix("https://").split(".")[0] == shows

"""The official client's own settings serve: key, endpoint, certificates, proxy; none of ours is needed, or read."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from azure.ai.textanalytics import TextAnalyticsClient
from azure.ai.textanalytics.aio import TextAnalyticsClient as AioTextAnalyticsClient
from azure.ai.translation.text import TextTranslationClient
from azure.ai.translation.text.aio import TextTranslationClient as AioTextTranslationClient
from azure.ai.vision.face import FaceClient
from azure.ai.vision.face.aio import FaceClient as AioFaceClient
from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.ai.vision.imageanalysis.aio import ImageAnalysisClient as AioImageAnalysisClient
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcAsyncIOTransport

from tests.made_up.calls import as_json
from tests.made_up.faults import reply
from tests.made_up.grpc_server import grpcd
from tests.made_up.proxy import proxying
from tests.made_up.server import faultd
from tests.unit.bridges.ways import KEY, KEYED, OPENED, SERVICES, TRANSLATOR, WAYS, google_grpc, outcome, theirs

pytestmark = pytest.mark.loopback

HOST = "service.example"
"""A host that does not resolve: only the proxy knows where it is."""
GIVEN = [pytest.param(name, c, id=f"{name}-{c}") for name, way in WAYS.items() for c in way.colours]
AZURE = {
    "imageanalysis": ImageAnalysisClient,
    "imageanalysis-aio": AioImageAnalysisClient,
    "face": FaceClient,
    "face-aio": AioFaceClient,
    "textanalytics": TextAnalyticsClient,
    "textanalytics-aio": AioTextAnalyticsClient,
}
TRANSLATOR_CLIENTS = {"translator": TextTranslationClient, "translator-aio": AioTextTranslationClient}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a CA that nobody knows."""
    return trustme.CA()


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the proxies and the CA file of the environment, which requests prefers to those of a session."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy", "no_grpc_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def secure(name: str, authority: trustme.CA) -> Iterator[Any]:
    """Yield a TLS server whose certificate is of this CA, with the service's good reply."""
    way = WAYS[name]
    good = SERVICES[way.service].good
    certificate = authority.issue_cert(HOST, "127.0.0.1", "localhost")
    if way.grpc:
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        with grpcd(good, tls=grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])) as server:
            yield server
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with faultd(reply(as_json(good)), tls=context) as server:
        yield server


def port_of(server: Any) -> int:
    """Return the port at which a server listens."""
    return int(getattr(server, "port", 0) or server.url.rpartition(":")[2])


def configured(name: str, url: str, ca: Path | None = None, proxy: str | None = None) -> Any:
    """Return the official client with a CA file and a proxy, each in its own way of setting them."""
    proxies = {"https": proxy} if proxy else {}
    if name.startswith("google-grpc"):
        credentials = grpc.ssl_channel_credentials(ca.read_bytes() if ca else None)
        options = [("grpc.http_proxy", proxy)] if proxy else []
        place = url.removeprefix("https://")
        if name == "google-grpc":
            client = google_grpc(url, grpc.secure_channel(place, credentials, options))
        else:
            channel = grpc.aio.secure_channel(place, credentials, options)
            client = vision.ImageAnnotatorAsyncClient(transport=ImageAnnotatorGrpcAsyncIOTransport(channel=channel))
    elif name in TRANSLATOR_CLIENTS:
        verify = {"connection_verify": str(ca)} if ca else {}
        client = TRANSLATOR_CLIENTS[name](endpoint=url, **TRANSLATOR, proxies=proxies, **verify)
    elif name in AZURE:
        client = AZURE[name](url, KEYED, proxies=proxies, **({"connection_verify": str(ca)} if ca else {}))
    else:
        client = WAYS[name].make(url)
        if name == "google-rest":
            client.transport._session.proxies, client.transport._session.verify = proxies, str(ca) if ca else True
        elif name == "google-translation-2":
            client._http.proxies, client._http.verify = proxies, str(ca) if ca else True
        elif name == "computervision":
            client.config.connection.verify = str(ca) if ca else True
            for scheme, place in proxies.items():
                client.config.proxies.add(scheme, place)
        else:
            client.set_http_config({"proxies": proxies, **({"verify": str(ca)} if ca else {})})
    OPENED.append(client)
    return client


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return the file of the CA."""
    path = tmp_path / "인증서.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_the_clients_ca_file_and_proxy_are_honoured(name: str, colour: str, authority: trustme.CA, ca: Path) -> None:
    """Through a proxy set there, to a host that only the proxy knows, with a certificate trusted only there."""
    with secure(name, authority) as server, proxying(port_of(server)) as proxy:
        url = f"https://{HOST}:443" if WAYS[name].grpc else f"https://{HOST}"
        found = outcome(lambda: theirs(colour, WAYS[name], lambda: configured(name, url, ca, proxy.url)))
        assert "result" in found, found
        assert server.count == 1
    assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {HOST}:443"]


@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_without_the_ca_file_nothing_is_sent(name: str, colour: str, authority: trustme.CA) -> None:
    """TLSError, and no second try."""
    with secure(name, authority) as server:
        url = f"https://127.0.0.1:{port_of(server)}"
        found = outcome(lambda: theirs(colour, WAYS[name], lambda: configured(name, url)))
        assert (found["error"], found["state"], found["attempts"]) == ("TLSError", "NOT_SENT", 1)
        assert server.count == 0


@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_the_clients_key_is_sent_and_nobody_elses(name: str, colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and endpoints in the environment are left alone; Watson is told not to learn."""
    for variable in ("GOOGLE_API_KEY", "VISION_KEY", "FACE_KEY", "LANGUAGE_KEY", "AZURE_AI_SERVICES_KEY"):
        monkeypatch.setenv(variable, "key-of-the-environment")
    for variable in ("VISION_ENDPOINT", "NATURAL_LANGUAGE_UNDERSTANDING_URL", "SPEECH_TO_TEXT_URL"):
        monkeypatch.setenv(variable, "https://elsewhere.example")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "eu")
    monkeypatch.setenv("AZURE_IMAGE_ANALYSIS_API", "4.0" if name == "computervision" else "3.2")
    way = WAYS[name]
    if way.grpc:
        pytest.skip("a channel without TLS sends no key")
    with faultd(reply(as_json(SERVICES[way.service].good))) as server:
        found = outcome(lambda: theirs(colour, way, lambda: opened(name, server.url)))
        assert "result" in found, found
    head = server.requests[0].partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    assert "key-of-the-environment" not in head
    if way.service.startswith("watson"):
        assert "authorization: basic " in head
        assert "x-watson-learning-opt-out: true" in head
    else:
        assert KEY in head


def opened(name: str, url: str) -> Any:
    """Return the official client without TLS and without a proxy."""
    client = WAYS[name].make(url)
    OPENED.append(client)
    return client


def test_headers_of_ones_own_go_along(ca: Path, authority: trustme.CA) -> None:
    """`extra_headers=` become metadata by gRPC; parameters have no place there, and are refused before it."""
    with secure("google-grpc", authority) as server:
        url = f"https://localhost:{server.port}"
        call = {"extra_headers": {"X-Goog-User-Project": "my-project"}}
        found = outcome(
            lambda: theirs("blocking", WAYS["google-grpc"], lambda: configured("google-grpc", url, ca), **call)
        )
        assert "result" in found, found
        assert server.metadata[0]["x-goog-user-project"] == "my-project"
        refused = outcome(
            lambda: theirs(
                *("blocking", WAYS["google-grpc"], lambda: configured("google-grpc", url, ca)),
                extra_params={"fields": "responses"},
            )
        )
        assert (refused["error"], refused["state"], server.count) == ("SettingsError", "NOT_SENT", 1)
        unknown = outcome(
            lambda: theirs(
                *("blocking", WAYS["google-grpc"], lambda: configured("google-grpc", url, ca)),
                extra={"newField": 1},
            )
        )
        assert (unknown["error"], server.count) == ("SettingsError", 1)
    assert json.dumps(unknown["message"])

"""Azure: Vision (Image Analysis 4.0 and 3.2), Face, Language, Speech."""

from __future__ import annotations

from cloudai.providers.azure.language import Language
from cloudai.providers.azure.speech import Speech
from cloudai.providers.azure.vision import Vision

__all__ = ["Azure"]


class Azure(Vision, Language, Speech):
    """Azure's services, of one resource for all or of one each.

    Args:
        key: Key of a resource for all services; else ``AZURE_AI_SERVICES_KEY``.
        endpoint: Its address, "https://….cognitiveservices.azure.com"; else ``AZURE_AI_SERVICES_ENDPOINT``.
        region: In place of an address, for example "koreacentral"; else ``AZURE_AI_SERVICES_REGION``.
        credential: A login in place of keys: a credential of azure-identity (or anything with its ``get_token``), or
            "default" for its ``DefaultAzureCredential`` (extra ``azure-identity``), which is also used where
            there is no key and ``AZURE_TOKEN_CREDENTIALS``, ``AZURE_TENANT_ID`` or ``IDENTITY_ENDPOINT`` is set.
            It needs the resource's own address: a region's is refused before anything is sent.
        vision: Resource of Vision alone; else ``VISION_KEY`` and ``VISION_ENDPOINT``.
        face: Resource of Face alone; else ``FACE_KEY`` (or ``FACE_APIKEY``) and ``FACE_ENDPOINT``.
        language: Resource of Language alone; else ``LANGUAGE_KEY`` and ``LANGUAGE_ENDPOINT``.
        speech: Resource of Speech alone; else ``SPEECH_KEY`` and ``SPEECH_ENDPOINT``, or ``SPEECH_REGION``:
            with a region alone recordings go to the API for short audio.
        api: "4.0" or "3.2" keeps `analyze_image` to that API; else ``AZURE_IMAGE_ANALYSIS_API``. Where neither
            is set 4.0 is asked, and for what only 3.2 and Face have, those as well: several calls, and
            ``meta.api_version`` names them all.
        face_approved: Microsoft has approved this subscription for ages and the other limited attributes.

    Each key, and each place, is taken from the first of: the service's own resource, the one for all, the
    service's variables, the variables for all.

    Example:
        >>> Azure(key="not-a-real-key", region="koreacentral")
        Azure(key='…', region='koreacentral')
    """

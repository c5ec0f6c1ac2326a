"""The provider of Azure: Vision (Image Analysis 4.0 and 3.2), Face, Language, Speech, Translator, and Azure OpenAI."""

from __future__ import annotations

from cloudai.providers.azure.language import Language
from cloudai.providers.azure.openai import OpenAI
from cloudai.providers.azure.read import Read
from cloudai.providers.azure.retired import RETIREMENTS
from cloudai.providers.azure.speech import Speech
from cloudai.providers.azure.translator import Translator
from cloudai.providers.azure.voice import Voice

__all__ = ["Azure"]


class Azure(OpenAI, Read, Language, Speech, Voice, Translator):
    """The provider of Azure's services, with one resource for all of them or a resource for each.

    Args:
        key: The key of a resource for all services; by default ``AZURE_AI_SERVICES_KEY``.
        endpoint: The address of that resource, "https://….cognitiveservices.azure.com"; by default
            ``AZURE_AI_SERVICES_ENDPOINT``.
        region: The region of that resource instead of its address, for example "koreacentral"; by default
            ``AZURE_AI_SERVICES_REGION``.
        credential: A login instead of keys: a credential of azure-identity (or any object with its ``get_token``), or
            "default" for azure-identity's ``DefaultAzureCredential`` (extra ``azure-identity``). The default login is
            also used where there is no key and ``AZURE_TOKEN_CREDENTIALS``, ``AZURE_TENANT_ID`` or
            ``IDENTITY_ENDPOINT`` is set. A login needs the resource's own address: the address of a region is
            refused before anything is sent.
        vision: The resource of Vision; by default ``VISION_KEY`` and ``VISION_ENDPOINT``.
        face: The resource of Face; by default ``FACE_KEY`` (or ``FACE_APIKEY``) and ``FACE_ENDPOINT``.
        language: The resource of Language; by default ``LANGUAGE_KEY`` and ``LANGUAGE_ENDPOINT``.
        speech: The resource of Speech; by default ``SPEECH_KEY`` and ``SPEECH_ENDPOINT`` or ``SPEECH_REGION``. With a
            region and no address, recordings go to the API for short audio.
        translator: The resource of Translator; by default ``TRANSLATOR_KEY`` and ``TRANSLATOR_REGION`` or
            ``TRANSLATOR_ENDPOINT``. With a region, or with neither, texts go to the address that resources of all
            regions share.
        openai: The resource of Azure OpenAI, whose chat model answers what no other service does (ages without
            approval), and whatever is asked of it by ``method="generative"``; by default ``AZURE_OPENAI_API_KEY`` and
            ``AZURE_OPENAI_ENDPOINT``.
        openai_deployment: The name of the deployment of a chat model that takes pictures; by default
            ``AZURE_OPENAI_DEPLOYMENT``.
        api: "4.0" or "3.2" keeps `analyze_image` to that version of Image Analysis, and "3.2" has `read_text` read
            pictures with Read 3.2, too; by default ``AZURE_IMAGE_ANALYSIS_API``. Where neither is set, 4.0 is asked for
            the features it has, and 3.2 and Face for the others. That may take several requests, and
            ``meta.api_version`` names all the versions.
        short_audio_endpoint: The address at which the API for short audio is reached, instead of the region's host,
            for a private endpoint or an emulator; by default ``CLOUDAI_AZURE_SHORT_AUDIO_ENDPOINT``.
        transcription: "batch" has recordings at addresses written down by batch transcription, a job that takes any
            length, in minutes to hours; by default ``CLOUDAI_AZURE_TRANSCRIPTION``. Otherwise a recording at an
            address becomes a job only where it is too large for fast transcription.
        face_approved: Whether Microsoft has approved this subscription for ages, which Face gives to nobody else.

    The key and the address of a service are each taken from the first of these that has one: the resource given for
    the service, the resource given for all services, the service's variables, the variables for all services.

    Example:
        >>> Azure(key="not-a-real-key", region="koreacentral")
        Azure(key='…', region='koreacentral')
    """

    retirements = RETIREMENTS

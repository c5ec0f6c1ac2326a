"""The provider of Google Cloud: Vision, Language, Speech-to-Text, Text-to-Speech, Translation, and Gemini."""

from __future__ import annotations

from cloudai.providers.base import Capability
from cloudai.providers.google.gemini import Gemini
from cloudai.providers.google.language import Language
from cloudai.providers.google.read import Read
from cloudai.providers.google.retired import RETIREMENTS
from cloudai.providers.google.speech import Speech
from cloudai.providers.google.translation import Translate
from cloudai.providers.google.voice import Voice

__all__ = ["Google"]


class Google(Gemini, Read, Language, Speech, Voice, Translate):
    """The provider of Google Cloud's services, with an API key or a login.

    Args:
        api_key: An API key; by default ``GOOGLE_API_KEY``.
        credentials: A login (extra ``google-auth``): the path of a JSON file of Google, the content of such a file, or
            credentials of google-auth. By default it is the file that ``GOOGLE_APPLICATION_CREDENTIALS`` names, else
            gcloud's login, else the service account of a machine in Google Cloud. A setting that is given here goes
            before the environment; within the environment the API key goes before any login.
        quota_project: The project for which the calls of a login are counted; by default
            ``GOOGLE_CLOUD_QUOTA_PROJECT``, else the project that the login names.
        project: The project for Speech v2, to which recordings then go, and for Translation v3, to which texts then go
            if there is a login; by default ``GOOGLE_CLOUD_PROJECT``, but only with a login.
        location: The region in which data is processed; by default ``GOOGLE_CLOUD_LOCATION``. Pictures stay in "eu" or
            "us"; Speech v2 takes a region such as "asia-northeast3".
        endpoint: The address that all services are reached at, instead of Google's hosts, for a private endpoint or an
            emulator; by default ``CLOUDAI_GOOGLE_ENDPOINT``. The key goes there over https, or to this computer.
        vision_endpoint: The same for Vision alone; by default ``CLOUDAI_GOOGLE_VISION_ENDPOINT``.
        language_endpoint: The same for Natural Language; by default ``CLOUDAI_GOOGLE_LANGUAGE_ENDPOINT``.
        speech_endpoint: The same for Speech-to-Text; by default ``CLOUDAI_GOOGLE_SPEECH_ENDPOINT``.
        texttospeech_endpoint: The same for Text-to-Speech; by default ``CLOUDAI_GOOGLE_TEXTTOSPEECH_ENDPOINT``.
        translation_endpoint: The same for Translation; by default ``CLOUDAI_GOOGLE_TRANSLATION_ENDPOINT``.
        gemini_api_key: A key for Gemini, the chat model; by default ``GEMINI_API_KEY``. With it the chat model answers
            what no other service does (ages). With ``method="generative"`` ``api_key`` serves it too.
        gemini_model: The model; by default ``GEMINI_MODEL``, else the one that `cloudai providers google` names.
        vertex: Whether Vertex AI answers in place of the Gemini API, for ``project`` in ``location``; by default
            ``GOOGLE_GENAI_USE_VERTEXAI``, else where there is a login and no key.
        gemini_endpoint: The address of Gemini, as those above; by default ``CLOUDAI_GOOGLE_GEMINI_ENDPOINT``.

    Example:
        >>> Google(api_key="not-a-real-key")
        Google(api_key='…')
    """

    retirements = RETIREMENTS
    absent = {
        operation: Capability(operation, "absent", note)
        for operation, note in {
            "estimate_age": "Google Vision never gave an age; Gemini guesses one",
            "dictionary": "Google Cloud has no dictionary; azure has one",
        }.items()
    }

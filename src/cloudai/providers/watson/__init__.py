"""The provider of IBM Watson: Natural Language Understanding, Speech to Text, Text to Speech, and watsonx.ai."""

from __future__ import annotations

from cloudai.providers.base import Capability
from cloudai.providers.watson.language import Language
from cloudai.providers.watson.retired import RETIREMENTS
from cloudai.providers.watson.speech import Speech
from cloudai.providers.watson.voice import Voice
from cloudai.providers.watson.watsonx import Watsonx

__all__ = ["Watson"]

GONE = "Visual Recognition, and with it every IBM API for pictures, ended on 2021-12-01"


class Watson(Watsonx, Language, Speech, Voice):
    """The provider of IBM Watson's services, each an instance with its own key and URL.

    Args:
        apikey: The key of one instance, given with its ``url``, whose host names the service.
        url: The address of that instance, "https://api.REGION.SERVICE.watson.cloud.ibm.com/instances/…".
        authenticator: A login instead of keys (extra ``watson-auth``): an authenticator of ibm-cloud-sdk-core, for all
            services without a key given here. By default it is the login that ``…_AUTH_TYPE`` asks for.
        nlu: The key and URL of Natural Language Understanding.
        speech_to_text: The key and URL of Speech to Text.
        text_to_speech: The key and URL of Text to Speech.
        watsonx: The key and URL of watsonx.ai, "https://REGION.ml.cloud.ibm.com", whose chat model answers what no
            other service does (captions, ages, expressions, translations), and whatever is asked of it by
            ``method="generative"``; by default ``WATSONX_APIKEY`` and ``WATSONX_URL``.
        watsonx_project: The id of the project that is billed; by default ``WATSONX_PROJECT_ID``.
        watsonx_space: The id of a deployment space in place of a project; by default ``WATSONX_SPACE_ID``.
        watsonx_model: The id of the model, which has to take pictures; by default ``WATSONX_MODEL_ID``.

    A setting that is not given is looked for in the environment (``NATURAL_LANGUAGE_UNDERSTANDING_APIKEY`` and
    ``_URL``, ``SPEECH_TO_TEXT_APIKEY``, ``TEXT_TO_SPEECH_APIKEY`` …), then in the file that ``IBM_CREDENTIALS_FILE``
    names, or ``ibm-credentials.env`` in the current folder or the home folder, then in ``VCAP_SERVICES``. IBM's own
    packages read the file before the environment; here, as everywhere in cloudai, the environment goes before files.

    Example:
        >>> from cloudai import Resource
        >>> Watson(nlu=Resource("not-a-real-key", "https://api.eu-de.natural-language-understanding.watson.cloud.ibm.com"))
        Watson(nlu_apikey='…', nlu_url='https://api.eu-de.natural-language-understanding.watson.cloud.ibm.com')
    """

    retirements = RETIREMENTS
    absent = {
        **{
            operation: Capability(operation, "retired", GONE, since="2021-12-01", checked="2026-11-24")
            for operation in ("analyze_image", "detect_faces", "read_text")
        },
        "estimate_age": Capability(
            "estimate_age",
            "retired",
            "Visual Recognition dropped faces and ages in 2018, and ended on 2021-12-01",
            since="2021-12-01",
            checked="2026-11-24",
        ),
        "translate": Capability(
            "translate",
            "retired",
            "IBM withdrew Language Translator on 2024-12-10",
            since="2024-12-10",
            checked="2026-11-24",
        ),
        "dictionary": Capability("dictionary", "absent", "IBM never had a dictionary of two languages; azure has one"),
    }

"""Google Cloud: Vision, Natural Language, Speech-to-Text."""

from __future__ import annotations

from cloudai.providers.base import Capability
from cloudai.providers.google.language import Language
from cloudai.providers.google.speech import Speech
from cloudai.providers.google.vision import Vision

__all__ = ["Google"]


class Google(Vision, Language, Speech):
    """Google Cloud.

    Args:
        api_key: An API key; else ``GOOGLE_API_KEY``.
        credentials: A login (extra ``google-auth``): the path of a JSON file of Google, what it holds, or credentials
            of google-auth; else ``GOOGLE_APPLICATION_CREDENTIALS``, else gcloud's login, else that of a machine of
            Google's. What is given here goes before the environment, and of the environment the key goes before any
            login.
        quota_project: The project that a login's calls are counted for; else ``GOOGLE_CLOUD_QUOTA_PROJECT``, else
            what the login says.
        project: Given, speech goes to Speech v2; else ``GOOGLE_CLOUD_PROJECT`` with a login.
        location: "eu" or "us" keep pictures there; a region such as "asia-northeast3" for Speech v2.

    Example:
        >>> Google(api_key="not-a-real-key")
        Google(api_key='…')
    """

    absent = {
        operation: Capability(operation, "absent", note)
        for operation, note in {
            "estimate_age": "Google Vision never gave an age",
            "key_phrases": "Natural Language has entities, no key phrases",
        }.items()
    }

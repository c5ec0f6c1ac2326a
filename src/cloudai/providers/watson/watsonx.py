"""The chat models of watsonx.ai, by its chat API.

https://cloud.ibm.com/apidocs/watsonx-ai#text-chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import SettingsError
from cloudai.media import ImageLimits
from cloudai.providers._by_service import HOW
from cloudai.providers._generative.chat import Prompt, Reply
from cloudai.providers._generative.completions import Completion, body_of, reply_of
from cloudai.providers._generative.models import CHECKED
from cloudai.providers._generative.provider import Generative, generative
from cloudai.providers.base import Capability
from cloudai.providers.watson._service import WatsonService

__all__ = ["Watsonx"]

VERSION = "2025-04-23"
NEEDS = "watsonx: WATSONX_APIKEY, WATSONX_URL, WATSONX_MODEL_ID, and WATSONX_PROJECT_ID or WATSONX_SPACE_ID"
OTHER = "Name another model: WATSONX_MODEL_ID (GET /ml/v1/foundation_model_specs)."


class Watsonx(Generative, WatsonService):
    """The operations that a model of watsonx.ai answers."""

    chat_name: ClassVar[str] = "watsonx.ai"
    chat_service: ClassVar[str] = "watsonx"
    # IBM documents no limits of its models. These are below those of every other vendor.
    chat_pictures: ClassVar[ImageLimits] = ImageLimits(
        who="watsonx.ai", formats=frozenset({"JPEG", "PNG"}), max_bytes=4_000_000, max_side=2_048
    )
    generative: ClassVar[Mapping[str, Capability]] = generative(
        NEEDS, "https://cloud.ibm.com/apidocs/watsonx-ai#text-chat", CHECKED, without=("speech_to_text",)
    )

    def chat(self, prompt: Prompt) -> Flow[Reply]:
        """Send a prompt to the model, and return its answer."""
        space, project = self.setting("watsonx_space"), self.setting("watsonx_project")
        response: Response = yield Request(
            "POST",
            f"{self.base('watsonx')}/ml/v1/text/chat",
            service="watsonx",
            api=VERSION,
            endpoint=self.base("watsonx"),
            params={"version": VERSION},
            json={
                "model_id": self.chat_model(),
                # The API takes a space or a project, and not both.
                **({"space_id": space} if space and not project else {"project_id": project or ""}),
                **body_of(prompt),
            },
        )
        return reply_of(response.parse(Completion), OTHER)

    def chat_model(self) -> str:
        """Return the model that is set; an offline client has none."""
        return self.setting("watsonx_model") or ""

    def require_chat(self, *, asked: bool) -> None:  # noqa: ARG002  # the settings of watsonx.ai serve nothing else
        """Check that there are a key or a login, a URL, a model, and a project or a space."""
        self.require_set("watsonx")
        if not (self.setting("watsonx_project") or self.setting("watsonx_space")):
            raise SettingsError("no project", advice=f"Set WATSONX_PROJECT_ID or WATSONX_SPACE_ID {HOW}")
        if not self.setting("watsonx_model"):
            raise SettingsError(
                "no model",
                advice=f"Set WATSONX_MODEL_ID: GET /ml/v1/foundation_model_specs lists those that there are {HOW}",
            )

"""The chat models of Azure OpenAI, by the chat completions of a deployment.

https://learn.microsoft.com/azure/ai-foundry/openai/latest#create-chat-completion
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs
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
from cloudai.providers.azure._service import AzureService
from cloudai.providers.azure.face import SINCE
from cloudai.providers.base import Capability

__all__ = ["OpenAI"]

NEEDS = "openai: AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_DEPLOYMENT, and AZURE_OPENAI_API_KEY or a login"
OTHER = "Name another deployment: AZURE_OPENAI_DEPLOYMENT."


class OpenAI(Generative, AzureService):
    """The operations that a deployment of Azure OpenAI answers."""

    chat_name: ClassVar[str] = "Azure OpenAI"
    chat_service: ClassVar[str] = "openai"
    chat_detector: ClassVar[str] = "face"
    # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/gpt-with-vision
    chat_pictures: ClassVar[ImageLimits] = ImageLimits(
        who="Azure OpenAI", formats=frozenset({"JPEG", "PNG", "WEBP"}), max_bytes=14_000_000, max_side=2_048
    )
    generative: ClassVar[Mapping[str, Capability]] = generative(
        NEEDS,
        "https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs",
        CHECKED,
        without=("speech_to_text",),
    )

    def chat(self, prompt: Prompt) -> Flow[Reply]:
        """Send a prompt to the deployment, and return its answer."""
        response: Response = yield Request(
            "POST",
            # The path of v1 needs no version of the API, and is the same for every deployment.
            f"{self.base('openai')}/openai/v1/chat/completions",
            service="openai",
            api="v1",
            endpoint=self.base("openai"),
            json={"model": self.chat_model(), **body_of(prompt)},
        )
        return reply_of(response.parse(Completion), OTHER)

    def chat_model(self) -> str:
        """Return the deployment that is set; an offline client has none."""
        return self.setting("openai_deployment") or ""

    def require_chat(self, *, asked: bool) -> None:
        """Check that there are a deployment, an address, and a key or a login."""
        if not self.setting("openai_deployment"):
            raise SettingsError(
                "no deployment of a chat model",
                advice=f"Set AZURE_OPENAI_DEPLOYMENT, AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY {HOW}",
            )
        # The key of a resource for all services is not enough here: nobody has said that pictures may go to a chat
        # model.
        if not asked and not self.setting("openai_endpoint") and not self.setting("openai_region"):
            raise SettingsError("Azure OpenAI is not set up", advice=f"Set AZURE_OPENAI_ENDPOINT {HOW}")
        self.require_set("openai")

    def has_classic(self, operation: str) -> bool:
        """Return whether a classic service has the operation: ages only where Microsoft has approved it."""
        return super().has_classic(operation) and (operation != "estimate_age" or self.face_approved)

    def missing(self, operation: str | None = None) -> str | None:
        """Return what is missing for an operation; for ages Microsoft's approval would do, too."""
        told = super().missing(operation)
        if told and operation == "estimate_age" and not self.face_approved:
            return f"{told} Or, since {SINCE}, with Microsoft's approval: Azure(face_approved=True)."
        return told

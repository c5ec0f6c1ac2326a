"""A refusal by Google says what to do about its own reason, and not about another one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudai import ForbiddenError, Google, Response
from cloudai.testing import Script
from tests.conftest import Caller


def refusal(reason: str, message: str = "Denied.") -> Response:
    """Return a reply as Google's documentation of error details has it."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    error: dict[str, Any] = {"code": 403, "status": "PERMISSION_DENIED", "message": message, "details": [info]}
    return Response(403, {"content-type": "application/json"}, json.dumps({"error": error}).encode())


NO_QUOTA_PROJECT = "The language.googleapis.com API requires a quota project, which is not set by default."


@pytest.mark.parametrize(
    ("reply", "advised", "not_advised"),
    [
        (refusal("SERVICE_DISABLED", NO_QUOTA_PROJECT), "GOOGLE_CLOUD_QUOTA_PROJECT", "Enable the API"),
        (refusal("CONSUMER_INVALID"), "quota_project=", "Enable the API"),
        (refusal("USER_PROJECT_DENIED"), "Service Usage Consumer", "Enable the API"),
        (refusal("SERVICE_DISABLED"), "Enable the API", "quota"),
        (refusal("API_KEY_SERVICE_BLOCKED"), "API restrictions", "Enable the API"),
        (refusal("API_KEY_HTTP_REFERRER_BLOCKED"), "application restrictions", "Enable the API"),
        (refusal("API_KEY_IP_ADDRESS_BLOCKED"), "application restrictions", "Enable the API"),
        (refusal("", "Requests from referer <empty> are blocked."), "application restrictions", "Enable the API"),
        (refusal("BILLING_DISABLED"), "billing", "Enable the API"),
        (refusal("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "cloud-platform", "Enable the API"),
    ],
)
def test_each_reason_has_its_own_advice(call: Caller, reply: Response, advised: str, not_advised: str) -> None:
    """The advice fits the reason that Google gives, where the words of the message say more than that, those."""
    with pytest.raises(ForbiddenError) as raised:
        call(Google(api_key="k" * 39), "sentiment", "좋아요", send=Script(reply))
    advice = (raised.value.advice or "").lower()
    assert advised.lower() in advice
    assert not_advised.lower() not in advice

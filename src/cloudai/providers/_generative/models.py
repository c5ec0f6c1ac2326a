"""The known chat models of the vendors, each with the date on which it was checked: names, ends and list prices.

A model is a setting of the user's. Nothing here replaces it by another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cloudai.models.base import Usage

__all__ = ["GEMINI", "MODELS", "Model", "Price", "another", "ended", "known_model", "notice_of", "price_of"]

CHECKED = "2026-11-27"
GEMINI = "gemini-3.8-flash"
"""The model of Gemini where none is set, as on `CHECKED`. At Azure and IBM the models are those of the user's own
resource, so that there is no default.

https://ai.google.dev/gemini-api/docs/models
"""


@dataclass(frozen=True)
class Price:
    """The list price of a model in USD for a million tokens, from a date on."""

    input: float
    output: float
    since: str = ""
    checked: str = CHECKED

    def cost(self, usage: Usage) -> float:
        """Return the cost in USD of these tokens; vendors bill the model's thinking as output."""
        output = (usage.output_tokens or 0) + (usage.thinking_tokens or 0)
        return ((usage.input_tokens or 0) * self.input + output * self.output) / 1_000_000


@dataclass(frozen=True)
class Model:
    """A chat model of a vendor.

    Args:
        vendor: The provider's name.
        until: The ISO date on which the vendor ends it; None where no date is known.
        prices: The list prices, the newest last; none where none is known.
    """

    vendor: str
    until: str | None = None
    prices: tuple[Price, ...] = ()


MODELS: Mapping[str, Model] = {
    # https://ai.google.dev/gemini-api/docs/deprecations, https://ai.google.dev/gemini-api/docs/pricing
    # A price that is announced is in the table before its day, so that no version of cloudai names a false one.
    "gemini-3.8-flash": Model("google", prices=(Price(0.75, 3.75), Price(1.5, 7.5, "2027-01-01"))),
    "gemini-3.5-flash-lite": Model("google", prices=(Price(0.3, 2.5),)),
    "gemini-2.5-flash": Model("google", "2026-12-01", (Price(0.3, 2.5),)),
    "gemini-2.5-flash-lite": Model("google", "2026-12-01", (Price(0.1, 0.4),)),
    # https://learn.microsoft.com/azure/ai-foundry/openai/concepts/model-retirements; the prices are OpenAI's own
    "gpt-5.6-luna": Model("azure", "2028-01-11", (Price(0.2, 1.2),)),
    "gpt-5.6-terra": Model("azure", "2028-01-11", (Price(2, 12),)),
    "gpt-5.6-sol": Model("azure", "2028-01-11", (Price(4, 20),)),
    "gpt-6-luna": Model("azure", "2028-03-11", (Price(0.1, 0.5),)),
    "gpt-5.4-mini": Model("azure", "2027-09-21", (Price(0.75, 4.5),)),
    "gpt-4.1": Model("azure", "2027-04-14", (Price(2, 8),)),
}
"""The models that are known, by their names. Those of IBM are asked for: GET /ml/v1/foundation_model_specs."""


def known_model(name: str | None) -> Model | None:
    """Return what is known of a model, also where its name has a version behind it: "gpt-4.1-2025-04-14"."""
    # Replies name the exact version, "gpt-4.1-2025-04-14" or "gemini-2.5-flash-001", and IBM the maker before a slash.
    plain = re.sub(r"(-\d{4}-\d\d-\d\d|-\d{3})$", "", (name or "").rpartition("/")[2])
    return MODELS.get(plain)


def price_of(name: str | None, on: date | None = None) -> Price | None:
    """Return the list price of a model on a day, by default today; None where none is known."""
    model, day = known_model(name), (on or datetime.now(UTC).date()).isoformat()
    # A batch may run over the day on which a price changes, so each reply has the price of its own day.
    return next((price for price in reversed(model.prices) if price.since <= day), None) if model else None


def ended(name: str | None, on: date | None = None) -> str | None:
    """Return the date on which the vendor has ended a model, if that day has passed; else None."""
    model, day = known_model(name), (on or datetime.now(UTC).date()).isoformat()
    return model.until if model and model.until and model.until <= day else None


def notice_of(name: str, on: date | None = None) -> str | None:
    """Return a sentence that says when the vendor ends a model, if that is within half a year; else None."""
    today = on or datetime.now(UTC).date()
    day = ended(name, today + SOON)
    return day and f"{name} {'ended' if ended(name, today) else 'ends'} on {day}."


SOON = timedelta(days=180)
"""The time before a model's end in which it is no longer recommended."""


def another(vendor: str, name: str, setting: str, on: date | None = None) -> str:
    """Return the advice to name another model in place of one that the vendor does not have, or not any more.

    Args:
        vendor: The provider's name.
        name: The model that was asked for.
        setting: The variable that names the model.
        on: The day; by default today.
    """
    today = on or datetime.now(UTC).date()
    # A model that ends soon is not recommended, even to somebody whose model has ended already.
    known = [
        each
        for each, model in MODELS.items()
        if model.vendor == vendor and each != name and not ended(each, today + SOON)
    ]
    told = [notice] if (notice := notice_of(name, today)) else []
    return " ".join([f"Name another model: {setting}.", *told, f"Known: {', '.join(known)}."])

"""Operations that a vendor's chat model answers: prompts, schemas and the reading of answers, the same for all vendors.

A vendor's own file (google/gemini.py, azure/openai.py, watson/watsonx.py) sends a `Prompt` and returns a `Reply`.
"""

from __future__ import annotations

__all__: list[str] = []

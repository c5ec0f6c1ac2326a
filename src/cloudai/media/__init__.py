"""Pictures and recordings as given by the user (being written)."""
from typing import Any
Image = ImageInput = ImageLimits = Picture = Audio = AudioInput = AudioLimits = Sound = Any

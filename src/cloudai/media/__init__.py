"""Turn the pictures and recordings that a user gives into what a vendor accepts.

The names are loaded when they are first used. A package that loaded its modules at once would wait for a thread that
imports one of them, while that thread waits for the package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudai.media.audio import Audio, AudioInput
    from cloudai.media.image import Image, ImageInput, ImageLimits, Picture, as_image
    from cloudai.media.sound import AudioLimits, Sound
    from cloudai.media.video import Frame, Frames, VideoInput, frames

_MODULES = {
    "audio": ("Audio", "AudioInput", "AudioLimits", "Sound"),
    "image": ("Image", "ImageInput", "ImageLimits", "Picture", "as_image"),
    "video": ("Frame", "Frames", "VideoInput", "frames"),
}
__all__ = [
    "Audio",
    "AudioInput",
    "AudioLimits",
    "Frame",
    "Frames",
    "Image",
    "ImageInput",
    "ImageLimits",
    "Picture",
    "Sound",
    "VideoInput",
    "as_image",
    "frames",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'cloudai.media' has no attribute {name!r}")
    module = next(module for module, names in _MODULES.items() if name in names)
    thing = globals()[name] = getattr(importlib.import_module(f"cloudai.media.{module}"), name)
    return thing

"""Turn the pictures and recordings that a user gives into what a vendor accepts."""

from cloudai.media.audio import Audio, AudioInput, AudioLimits, Sound
from cloudai.media.image import Image, ImageInput, ImageLimits, Picture

__all__ = ["Audio", "AudioInput", "AudioLimits", "Image", "ImageInput", "ImageLimits", "Picture", "Sound"]

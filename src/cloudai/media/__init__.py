"""Pictures and recordings: from what the user gives to what a vendor takes."""

from cloudai.media.audio import Audio, AudioInput, AudioLimits, Sound
from cloudai.media.image import Image, ImageInput, ImageLimits, Picture

__all__ = ["Audio", "AudioInput", "AudioLimits", "Image", "ImageInput", "ImageLimits", "Picture", "Sound"]

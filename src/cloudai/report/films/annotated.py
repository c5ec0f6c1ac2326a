"""Draw the faces that were seen in a video over its frames, at any time, with bars of their expressions beside them."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from cloudai.models.face import Face
from cloudai.report.drawing import draw
from cloudai.report.films.bars import MOST_FACES, emotions_of, panel
from cloudai.report.films.seen import Seen
from cloudai.report.fonts import Font
from cloudai.report.marks import Mark, age_as_text
from cloudai.report.words import Language, words_in

__all__ = ["Annotator"]

SHARE, NARROWEST = 0.34, 150
"""The width of the panel of bars as a share of that of the frame, and its least in px."""


class Annotator:
    """Draws boxes over the frames of one video, and a panel of bars beside them.

    Args:
        seen: What was seen in the video.
        bars: Whether there is a panel, if anything is known of expressions.
        language: The language of the names of emotions.
        font: Path of a font file; see `find_font`.
    """

    def __init__(self, seen: Seen, *, bars: bool = True, language: Language = "en", font: Font = None) -> None:
        self._seen, self._font = seen, font
        self._words: Mapping[str, str] = words_in(language)
        faces = [face for look in seen.looks for face in look.faces]
        self._emotions = emotions_of(faces) if bars else ()
        # The panel has room for the most faces of the whole video, so that bars do not jump when one of them comes or
        # goes.
        self._slots = min(MOST_FACES, max((len(look.faces) for look in seen.looks), default=1))
        self._panel: tuple[object, Image.Image] | None = None

    def drawn(self, frame: Image.Image, time: float) -> Image.Image:
        """Return a frame with the faces that were seen then."""
        faces = self._seen.at(time)
        marks = [Mark("face", face.box, self._label(face), (), face.track) for face in faces if face.box.image_size]
        shown = draw(frame, marks, font=self._font)
        # Without anything to show, the video keeps its own width.
        if not self._emotions:
            return shown
        width = max(NARROWEST, round(frame.width * SHARE))
        wide = Image.new("RGB", (frame.width + width, frame.height))
        wide.paste(shown, (0, 0))
        wide.paste(self._bars(faces, (width, frame.height)), (frame.width, 0))
        return wide

    def _label(self, face: Face) -> str:
        """Return the number of a face, and what is guessed of it, in the language of the reader."""
        top = face.emotions.top if face.emotions else None
        age = age_as_text(face.age) if face.age else ""
        return " ".join(filter(None, (str(face.track), self._words.get(top, top) if top else "", age)))

    def _bars(self, faces: tuple[Face, ...], size: tuple[int, int]) -> Image.Image:
        """Return the panel, which changes only from one frame that was looked at to the next."""
        key = (size, [(face.track, face.emotions) for face in faces])
        if self._panel is None or self._panel[0] != key:
            made = panel(faces, self._emotions, size, self._words, slots=self._slots, font=self._font)
            self._panel = key, made
        return self._panel[1]

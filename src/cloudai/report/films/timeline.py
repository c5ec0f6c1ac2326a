"""Write what was seen in videos as a page over time, on which a click on a value leads to its frame."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudai.errors import CloudAIError, InputError
from cloudai.media.video import fragment_of, told_apart
from cloudai.models.face import Face
from cloudai.report.films.annotated import Annotator
from cloudai.report.films.seen import Look, Seen, seen_in
from cloudai.report.fonts import Font
from cloudai.report.page import digest_of, part_of_page, template, webp
from cloudai.report.photos import Photos
from cloudai.report.plots.chart import clock
from cloudai.report.plots.plot_page import plot_script, plot_style
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.plotting import Plot, plot
from cloudai.report.subjects import Source
from cloudai.report.words import Language, words_in
from cloudai.report.writing import write_whole
from cloudai.table import Table
from cloudai.text import plain

__all__ = ["ENDINGS_OF_TIMELINES", "save_timeline"]

ENDINGS_OF_TIMELINES = (".html", ".htm")
MOST_TRACKS = 4
"""Faces of a video that have a plot of their own at most: those that are seen longest."""
# All frames are in the one file, so they are smaller the more of them there are.
SIDES = ((60, 960), (200, 800), (600, 640))
"""The longer side in px of each frame in the page, for so many frames at most; `SMALLEST` is that for more."""
SMALLEST = 480


def save_timeline(
    rows: Source,
    path: str | os.PathLike[str],
    *,
    title: str = "",
    smooth: float | None = None,
    without: Sequence[str] = (),
    photos: str | os.PathLike[str] | None = None,
    language: Language = "en",
    font: Font = None,
) -> Path:
    """Write one HTML file with a plot of each face over time and with the frames, and return its path.

    A click on a value, or Enter, leads to its frame; arrow keys lead from value to value and from frame to frame. The
    page loads nothing, and works without its script. Where nothing is known of expressions, it says so, and shows where
    the faces are.

    Args:
        rows: A batch over frames of one or several videos, its outcomes, what `cloudai.track` returns, or the path of a
            journal or of a file of results. Faces that are not followed yet are followed.
        path: The file to write, for example ``speech.html``.
        title: The heading; by default the name of the video.
        smooth: The width in seconds of the window in which lines are smoothed; the values are shown all the same.
            Likelihood words are ranks, and are never smoothed: the page then says so.
        without: Emotions to leave out, for example ``["neutral"]``.
        photos: A folder below which the videos are looked for, if they were moved.
        language: The language of the page.
        font: Path of a font file for what is drawn into the frames; see `find_font`.

    Raises:
        InputError: The rows are not about frames of videos, the language is not one of the page's, or the file to write
            does not end with ".html".
        SettingsError: ``smooth`` is not above 0.
        MissingExtraError: Jinja2 is not installed.
    """
    words = words_in(language)
    if Path(path).suffix.lower() not in ENDINGS_OF_TIMELINES:
        raise InputError(f"{Path(path).name} is no page", advice="Give a name that ends with .html.")
    videos, where = seen_in(rows, photos)
    names = [plain(name) for name in told_apart(seen.address for seen in videos).values()]
    count = sum(len(seen.looks) for seen in videos)
    side = next((side for most, side in SIDES if count <= most), SMALLEST)
    heading = plain(title) or ", ".join(names)
    # An id is made of numbers and not of the name of a video, because an id of HTML must not have blanks, and two
    # videos may have one name.
    ids = {(v, n): f"frame-{v}-{n}" for v, seen in enumerate(videos) for n in range(len(seen.looks))}
    plots = [
        {"heading": said, "svg": made.svg(), "notes": made.chart.notes}
        for v, seen in enumerate(videos)
        for said, made in _plots(
            seen,
            [ids[v, n] for n in range(len(seen.looks))],
            language,
            smooth=smooth,
            without=without,
            name=names[v] if len(videos) > 1 else "",
        )
    ]
    script = plot_script() + part_of_page("timeline.js")
    page = template("timeline.html").render(
        language=language,
        title=heading,
        style=plot_style() + part_of_page("plot_page.css") + part_of_page("timeline.css"),
        script=script,
        script_hash=digest_of(script),
        plots=plots,
        ends=list(dict.fromkeys(note for each in plots for note in each["notes"])),
        frames=list(_frames(videos, names, where, ids, side=side, language=language, font=font)),
        notes=list(_notes(videos, words, smooth=smooth)),
        words=words,
    )
    return write_whole(path, page.encode())


def _notes(videos: Sequence[Seen], words: Mapping[str, str], *, smooth: float | None) -> Iterator[str]:
    """Yield what a reader has to know before the plots: what is not known, and what is not shown."""
    if not any(seen.has_emotions for seen in videos):
        yield words["no expressions"]
        return
    if smooth and any(map(_has_ranks, videos)):
        yield words["not smoothed"]
    tracks = [{face.track for look in seen.looks for face in look.faces} for seen in videos]
    if brief := sum(max(0, len(each) - MOST_TRACKS) for each in tracks):
        yield words["brief"].format(n=brief)


def _has_ranks(seen: Seen) -> bool:
    """Return whether expressions are likelihood words, which cannot be smoothed."""
    faces = (face for look in seen.looks for face in look.faces)
    return any(face.emotions is not None and face.emotions.scale == "likelihood" for face in faces)


def _plots(
    seen: Seen, ids: Sequence[str], language: Language, *, smooth: float | None, without: Sequence[str], name: str
) -> Iterator[tuple[str, Plot]]:
    """Yield a plot over time for each face that is seen for long, of its expressions or its place, with its heading."""
    length = Counter(face.track or 0 for look in seen.looks for face in look.faces)
    words = words_in(language)
    if not seen.has_emotions:
        places = list(_places(seen, ids, words["across"]))
        if places:
            options: dict[str, Any] = {"y": words["across"], "by": "track", "smooth": smooth}
            yield " · ".join(filter(None, (name, words["where"]))), _plot(places, options, language)
        return
    # The faces that are seen longest are chosen, and stand in the order of their numbers.
    for track in sorted(track for track, _ in length.most_common(MOST_TRACKS)):
        rows = [row for row in _emotions(seen, ids) if row["track"] == track]
        if rows:
            # Rows without a value at both ends give all plots the same axis of time.
            ends = [{**rows[0], "time_s": look.time, "score": None} for look in (seen.looks[0], seen.looks[-1])]
            taken = {row["time_s"] for row in rows}
            rows += [end for end in ends if end["time_s"] not in taken]
            options = {"y": "score", "by": "emotion", "without": without}
            options["smooth"] = None if _has_ranks(seen) else smooth
            which = words["face"].format(n=track) if len(length) > 1 else ""
            yield " · ".join(filter(None, (name, which))), _plot(rows, options, language)


def _plot(rows: list[dict[str, Any]], options: Mapping[str, Any], language: Language) -> Plot:
    table = Table(rows, units={"time_s": "s"})
    return plot(table, kind="lines", x="time_s", target="frame", language=language, **options)


def _emotions(seen: Seen, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each emotion of each face."""
    for look, frame in zip(seen.looks, ids, strict=True):
        for face in look.faces:
            for emotion in face.emotions.scores() if face.emotions else ():
                level = getattr(face.emotions, emotion)
                yield {
                    **_row(look, face, frame),
                    "emotion": emotion,
                    "score": level.score,
                    "word": level.word,
                    "scale": face.emotions.scale if face.emotions else None,
                }


def _places(seen: Seen, ids: Sequence[str], column: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each face with its place across the picture, 0 at the left and 100 at the right."""
    for look, frame in zip(seen.looks, ids, strict=True):
        for face in look.faces:
            if face.box.image_size is not None:
                x, _, width, _ = face.box.normalized
                yield {**_row(look, face, frame), column: round(100 * (x + width / 2), 2)}


def _row(look: Look, face: Face, frame: str) -> dict[str, Any]:
    return {"input": look.subject.name, "time_s": look.time, "track": face.track, "frame": frame}


def _frames(
    videos: Sequence[Seen],
    names: Sequence[str],
    where: Photos,
    ids: Mapping[tuple[int, int], str],
    *,
    side: int,
    language: Language,
    font: Font,
) -> Iterator[dict[str, Any]]:
    """Yield each frame as the template takes it, with its faces drawn over it; a frame that is lost keeps its words."""
    words = words_in(language)
    for v, seen in enumerate(videos):
        annotator = Annotator(seen, language=language, font=font)
        for n, look in enumerate(seen.looks):
            picture, size = "", (16, 9)
            try:
                drawn = annotator.drawn(where.open(look.subject), look.time)
                picture, size = webp(drawn, side)
            # A frame that cannot be read keeps its place, so that the links to it lead somewhere.
            except CloudAIError:
                pass
            at = fragment_of(look.subject.address)
            yield {
                "id": ids[v, n],
                "picture": picture,
                "size": size,
                "video": names[v] if len(videos) > 1 else "",
                "time": clock(at[1] if at else look.time),
                "told": [_told(face, language) for face in look.faces] or [words["no face"]],
                "before": ids.get((v, n - 1), ""),
                "after": ids.get((v, n + 1), ""),
            }


def _told(face: Face, language: Language) -> str:
    """Return what is said of a face in one line, for those who do not see the picture too."""
    words = words_in(language)
    name = words["face"].format(n=face.track)
    if face.emotions is not None and face.emotions.top:
        level = getattr(face.emotions, face.emotions.top)
        strength = words_of(language).get(level.word or "", level.word or f"{level.score:.2f}")
        return plain(f"{name}: {words.get(face.emotions.top, face.emotions.top)} {strength}")
    if face.age is not None and face.age.span:
        return plain(f"{name}: {words['age']} {face.age.span}")
    return plain(name)

"""The commands that show results: ``gallery``, ``cards`` and ``draw``, from pictures or from what is already kept."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudai.cli import films, inputs
from cloudai.cli.outputs import STDOUT, require_page, tell
from cloudai.cli.running import (
    INTERRUPTED,
    NOT_WELL,
    batch_settings,
    code_of,
    fetch_rules,
    given_options,
    is_table,
    journal_path,
    provider_names,
    signals_to,
    table_of_column,
    tell_limit,
    tell_where,
)
from cloudai.client import Client
from cloudai.core.urls import FetchRules
from cloudai.errors import CloudAIError, InputError
from cloudai.media import Image
from cloudai.media.video import Frames
from cloudai.outcomes import Outcome
from cloudai.reading import table_in
from cloudai.report import (
    cards,
    find_font,
    gallery,
    save_drawings,
    save_faces,
    save_moments,
    save_morph,
    save_sheet,
    save_timeline,
    save_video,
    save_workbook,
)
from cloudai.report.card_set import require_formats, untranslated
from cloudai.report.fetching import with_folder
from cloudai.report.films.annotated_video import ENDINGS_OF_VIDEOS
from cloudai.report.films.moments import ENDINGS_OF_MOMENTS
from cloudai.report.films.seen import no_frames
from cloudai.report.films.timeline import ENDINGS_OF_TIMELINES
from cloudai.report.marks import require_kinds
from cloudai.report.morphing import ENDINGS_OF_MORPHS
from cloudai.report.named_files import require_ours
from cloudai.report.picture_sets import ENDINGS_OF_SHEETS
from cloudai.report.recipes import by_method, features_on_a_card, offered
from cloudai.report.result_files import is_table_of_results, outcomes_in_lines
from cloudai.report.subjects import Source, photo_column
from cloudai.table import Table
from cloudai.wording import say

__all__ = ["as_cards", "as_drawings", "as_gallery"]

RESULTS = (".jsonl", ".json")


@dataclass
class _Kept:
    """The source of a report, and how the batch that made it has ended."""

    rows: Source
    code: int = 0
    """The exit code of the batch."""
    sent: int = 0
    """The number of requests that were sent for it."""
    stopped: str | bool = False
    """Whether the batch came to no end; the limit that it has reached, if that is why."""


def as_gallery(options: argparse.Namespace) -> int:
    """Write a gallery, and a workbook if one is asked for, and return the exit code."""
    out = Path(options.out or "gallery.html")
    # The page is written at the end, when everything is paid for; that it can be written is tried now.
    require_page(out, PAGES, _read(options))
    if options.xlsx:
        require_page(Path(options.xlsx), [".xlsx"], [*_read(options), out], flag="--xlsx")
    with with_folder(fetch_rules(options) or False) as rules:
        kept = _kept(options, rules, options.features or ["faces", "caption", "tags", "objects"])
        if kept is None:
            return 0
        # Options that the user has not given are left out, so that the library's defaults apply.
        look = given_options(options, ["title", "columns", "link", "tiles", "name", "photos", "language"])
        files = [page := gallery(kept.rows, out, fetch_urls=rules or False, **look)]
        if options.xlsx:
            look = given_options(options, ["name", "photos", "language"])
            files.append(save_workbook(kept.rows, options.xlsx, fetch_urls=rules or False, **look))
    return _told(kept, files, f", {page.stat().st_size / 1e6:.1f} MB")


def as_cards(options: argparse.Namespace) -> int:
    """Write cards, and what is made of them, and return the exit code."""
    require_formats(options.formats or ())  # before anything is paid for
    _require_files(options)
    folder = Path(options.out or "cloudai-cards")
    _require_folder_of(folder)
    # An index that somebody else has written into this folder is not overwritten.
    require_ours(folder / "cards")
    # In a folder that is not there yet nothing can be in the way.
    for kind in (options.formats or ()) if folder.is_dir() else ():
        require_page(folder / f"cards.{kind}", [f".{kind}"], _read(options))
    look = given_options(
        options, ["title", "name", "photos", "language", "min_confidence", "size", "theme", "logo", "seconds", "font"]
    )
    with with_folder(fetch_rules(options) or False) as rules:
        kept = _kept(options, rules, options.features, translate=True)
        if kept is None:
            return 0
        files = cards(kept.rows, folder, formats=options.formats or ["gif"], fetch_urls=rules or False, **look)
    return _told(kept, files)


def as_drawings(options: argparse.Namespace) -> int:
    """Write drawings, faces, a sheet, a strip, a morph, or what is made of a video, and return the exit code."""
    require_kinds(options.kinds or ())
    _require_files(options)
    out = Path(options.out or "cloudai-drawn")
    _require_folder_of(out)
    if endings := ENDINGS.get(options.make):
        out = out if out.suffix else out.with_suffix(endings[0])
        require_page(out, endings, _read(options))
    else:
        require_ours(out)
    with with_folder(fetch_rules(options) or False) as rules:
        kept = _kept(options, rules, options.features or ["faces", "objects", "text"])
        if kept is None:
            return 0
        try:
            files = [_drawn(options, kept.rows, out, rules)]
        except InputError as error:
            if not (kept.stopped and kept.code):
                raise
            tell(error)  # the batch has ended early, and what it has is too little to draw
            return kept.code
    return _told(kept, files)


def _drawn(options: argparse.Namespace, rows: Source, out: Path, rules: FetchRules | None) -> Path:
    """Write what is to be drawn of pictures, and return the path of the file or of the index."""
    common = {"fetch_urls": rules or False, **given_options(options, ["name", "photos"])}
    fonts = given_options(options, ["font"])
    match options.make:
        case "drawn":
            return save_drawings(rows, out, kinds=options.kinds, labels=not options.no_labels, **common, **fonts)
        case "faces":
            return save_faces(rows, out, **given_options(options, ["margin", "aspect", "shape"]), **common)
        case "morph":
            return save_morph(rows, out, **common)
        case "sheet" | "strip":
            return save_sheet(rows, out, layout=options.make, of=options.of, **common, **fonts)
    return _drawn_of_video(options, rows, out)


def _drawn_of_video(options: argparse.Namespace, rows: Source, out: Path) -> Path:
    """Write what is to be drawn of the frames of videos, and return the path of the file."""
    look = given_options(options, ["photos", "language", "font"])
    match options.make:
        case "video":
            return save_video(rows, out, **look)
        case "moments":
            return save_moments(rows, out, **look)
        case _:
            look |= given_options(options, ["title", "smooth", "without"])
            return save_timeline(rows, out, **look)


PAGES = (".html", ".htm", "")
OF_VIDEOS = ("video", "moments", "timeline")
"""The values of `draw --make` that need frames of videos."""
ENDINGS = {
    "sheet": ENDINGS_OF_SHEETS,
    "strip": ENDINGS_OF_SHEETS,
    "morph": ENDINGS_OF_MORPHS,
    "video": ENDINGS_OF_VIDEOS,
    "moments": ENDINGS_OF_MOMENTS,
    "timeline": ENDINGS_OF_TIMELINES,
}
"""The endings that the file of `draw --make` may have; the first one is added to a name without one."""


def _read(options: argparse.Namespace) -> list[str | None]:
    """Return the files and folders that the command reads, which it must not overwrite."""
    more = [getattr(options, name, None) for name in ("journal", "env_file", "logo", "font", "photos")]
    return [*options.paths, *more]


def _require_folder_of(path: Path) -> None:
    """Raise InputError if the folder of a file is not there, before anything is paid for."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", advice="Make it first, or give --out another path.")


def _require_files(options: argparse.Namespace) -> None:
    """Check the font, and the logo of cards, before anything is paid for.

    Raises:
        InputError: The logo cannot be read as a picture.
        MissingFontError: The font cannot be read as one.
    """
    if options.font:
        find_font("", LETTER, options.font)
    if logo := getattr(options, "logo", None):
        Image(logo).look()


LETTER = 12
"""The size in px at which a font is tried."""


def _told(kept: _Kept, files: Sequence[Path], more: str = "") -> int:
    """Print what was written, and return the exit code."""
    for n, file in enumerate(files):
        print(say("wrote {file}", file=file) + (more if n == 0 else ""))
    print(say("requests sent: {n}", n=kept.sent))
    return kept.code


def _kept(
    options: argparse.Namespace, rules: FetchRules | None, features: Sequence[str] | None, *, translate: bool = False
) -> _Kept | None:
    """Return what the report is made of: what is kept, or the outcomes of a batch that is carried out now.

    Args:
        options: The arguments of the command.
        rules: The rules by which the batch fetches inputs that are URLs.
        features: What to look for in pictures.
        translate: Whether captions are translated.

    Returns:
        None if the plan of the batch was asked for, and is printed.

    Raises:
        InputError: There is nothing to make a report of.
    """
    paths = options.paths
    if not paths:
        if not options.journal:
            raise InputError(
                "nothing to show", advice="Name pictures, a table or a file of results, or --journal FILE."
            )
        return _Kept(options.journal)
    # A file that --json has written holds results already, so no provider is asked for them again.
    if len(paths) == 1 and Path(paths[0]).suffix.lower() in RESULTS:
        return _Kept(paths[0])
    taken = films.frames_of(options)
    if paths == [STDOUT] and not options.column:
        text = inputs.standard_input(options.encoding)
        # A table of CSV never begins so; what --json prints always does.
        if text.startswith("{"):
            return _Kept(outcomes_in_lines(text, inputs.STANDARD_INPUT))
        given: Table | list[str] | Frames = _table(options, table_in(text, inputs.STANDARD_INPUT))
    else:
        given = taken[0] if taken else _pictures(options)
    if isinstance(given, Table) and is_table_of_results(given):
        return _Kept(given)
    if not taken and getattr(options, "make", None) in OF_VIDEOS:  # before anything is paid for
        raise no_frames()
    return _carried_out(options, rules, given, features, translate=translate)


def _pictures(options: argparse.Namespace) -> Table | list[str]:
    """Return the table whose column holds the pictures, or the files that are named."""
    paths = options.paths
    for path in paths:
        films.require_no_video(path)
    if (table := table_of_column(options, paths)) is not None:
        return table
    if len(paths) != 1 or not is_table(paths[0]):
        return inputs.expand(paths, inputs.PICTURES, recursive=options.recursive)
    return _table(options, inputs.table(paths[0], options.encoding))


def _table(options: argparse.Namespace, table: Table) -> Table:
    """Return a table of results, or one of pictures after noting the column that holds them."""
    if is_table_of_results(table):
        return table
    options.column = photo_column(table)
    return table


def _carried_out(
    options: argparse.Namespace,
    rules: FetchRules | None,
    given: Table | list[str] | Frames,
    features: Sequence[str] | None,
    *,
    translate: bool,
) -> _Kept | None:
    """Analyse the pictures in a batch, and return its outcomes however it ended."""
    where = journal_path(options, given)
    settings: dict[str, Any] = {**batch_settings(options), "journal": where}
    column = {"column": options.column} if options.column else {}
    names = provider_names(options)
    with Client(names[0] if len(names) == 1 else names, fetch_urls=rules or False) as client:
        wanted: list[Any] = list(features or features_on_a_card(client, options.method))
        if options.features is None:  # what this provider lacks is left out, unless the user has asked for it
            wanted = offered(client, wanted, options.method)
        by = by_method(client, options.method, options.language or "en")
        asked = {
            "features": wanted,
            # One feature that the vendor lacks must not keep the page from being made.
            "missing": "report",
            "gender_neutral": True,
            **by,
            **given_options(options, ["timeout"]),
        }
        if options.plan:
            with client.batch("analyze_image", given, options=asked, **column, **settings) as job:
                print(job.plan())
            return None
        kept = _run(client, "analyze_image", given, options=asked, quiet=options.quiet, **column, **settings)
        kept.rows = films.followed(kept.rows, options)  # type: ignore[arg-type]  # they are outcomes
        # A user who has pressed Ctrl-C, or whose batch has reached a limit, does not want another batch to begin.
        if translate and not kept.stopped:
            kept = _translated(client, kept, options, settings)
    if isinstance(kept.stopped, str):
        tell_limit(kept.stopped, where)
    elif kept.code > 1:
        tell_where(where)
    return kept


def _translated(client: Client, kept: _Kept, options: argparse.Namespace, settings: dict[str, Any]) -> _Kept:
    """Return what is kept together with the translations of its captions, if the provider translates."""
    # Each caption that is in the language already, or that no card will show, is left out: a translation is billed.
    foreign = untranslated(kept.rows, options.language or "en", options.min_confidence or 0.0)
    if not foreign:
        return kept
    if not client.supports("translate"):
        tell(
            say(
                "the captions stay as they are: {provider} does not translate with the settings at hand",
                provider=options.provider,
            )
        )
        return kept
    asked = {"to": options.language, **given_options(options, ["timeout"])}
    other = _run(client, "translate", foreign, options=asked, quiet=options.quiet, **settings)
    outcomes: list[Outcome[Any]] = [*kept.rows, *other.rows]  # type: ignore[misc]
    return _Kept(outcomes, max(kept.code, other.code), kept.sent + other.sent, other.stopped)


def _run(client: Client, operation: str, given: Any, *, quiet: bool, **settings: Any) -> _Kept:
    """Run a batch to its end, or until it is paused or stopped, and return what there is then.

    Raises:
        CloudAIError: Nothing was done, because a key or a setting cannot be used.
    """
    with client.batch(operation, given, progress=not quiet and inputs.are_several(given), **settings) as job:
        code, hopeless = 0, None
        with signals_to(job) as caught:
            try:
                for _ in job:
                    pass
            except CloudAIError as error:
                code = code_of(error)
                hopeless = error
        if hopeless is not None:
            # Where nothing was done at all, there is no report to make.
            if job.books["submitted"] == job.books["not_started"]:
                raise hopeless
            tell(hopeless)
        if not code:
            code = int(any(job.books[name] for name in NOT_WELL))
        if caught:
            code = INTERRUPTED + caught[0]
        stopped = bool(caught or hopeless) or job.paused or False
        return _Kept(list(job), code, job.sent, stopped)

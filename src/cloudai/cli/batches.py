"""The commands over many inputs, each of which is a batch with its plan, pace and journal, and those over journals."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloudai.batch import queries
from cloudai.batch.batch import Batch
from cloudai.batch.cache_store import CacheStore
from cloudai.batch.journal import Journal, copy_of
from cloudai.batch.kept import existing, opened
from cloudai.batch.results import Salvage, table_of
from cloudai.batch.shared.address import is_address
from cloudai.cli import films, inputs, sharing
from cloudai.cli.folders import TakenError, beginning, require_folder, require_free, require_unwritten, write_files
from cloudai.cli.outputs import STDOUT, require_one_output, require_writable, tell, write_table
from cloudai.cli.pieces import PiecesProgress
from cloudai.cli.running import (
    HOPELESS,
    INTERRUPTED,
    IO_ERROR,
    NOT_WELL,
    batch_settings,
    code_of,
    fetch_rules,
    given_options,
    journal_path,
    provider_names,
    signals_to,
    table_of_column,
    tell_limit,
    tell_where,
)
from cloudai.cli.summary import print_table, summary
from cloudai.client import Client
from cloudai.errors import CloudAIError, InputError, JournalError, SettingsError
from cloudai.media.given import short
from cloudai.media.video import Frames
from cloudai.models.base import Result
from cloudai.operations import Command
from cloudai.outcomes import Outcome, tidy
from cloudai.providers.base import Provider
from cloudai.providers.registry import find
from cloudai.reading import TABLES, read_table, text_of
from cloudai.table import Table, json_of
from cloudai.text import inert
from cloudai.tracking import followed
from cloudai.wording import say, translated

__all__ = [
    "UNREAD",
    "cache",
    "journal",
    "over_files",
    "over_texts",
    "provider_of",
    "run",
    "settings_of",
]

UNREAD = INTERRUPTED + 13
"""Exit code if the output is no longer read, as shells have it for SIGPIPE."""


def over_files(options: argparse.Namespace) -> int:
    """Carry out one operation over files, folders, patterns, URLs or a column of a table, and return the exit code."""
    # The parser has set `carry_out` to `run`, or to what compares several providers. Frames go first, because a video
    # that is named beside --every is neither a picture nor a table.
    if taken := films.frames_of(options):
        return int(options.carry_out(options, *taken))
    if table := table_of_column(options, options.paths):
        return int(options.carry_out(options, table, options.paths))
    # Without its flag a table or a video would only be a picture that is none. Here the advice can name the flag.
    for path in options.paths:
        _require_no_table(path, options)
        if options.operation.input == "image":
            films.require_no_video(path)
    files = inputs.expand(options.paths, inputs.suffixes(options.operation), recursive=options.recursive)
    return int(options.carry_out(options, files, files))


def over_texts(options: argparse.Namespace) -> int:
    """Carry out one operation over texts, the lines of a file, or a column of a table, and return the exit code."""
    if options.column and options.lines:
        raise InputError("--column and --lines both name the texts", advice="Leave one out.")
    if table := table_of_column(options, options.texts):
        return int(options.carry_out(options, table, options.texts))
    texts = [text for given in options.texts for text in _texts_of(given, options)]
    texts += inputs.lines(options.lines, options.encoding) if options.lines else []
    if not texts:
        raise InputError("no text", advice='Give one in quotes, or --lines FILE ("-" reads standard input).')
    return int(options.carry_out(options, texts, [options.lines, *filter(_is_file, options.texts)]))


def _texts_of(given: str, options: argparse.Namespace) -> list[str]:
    """Return the text that was given, or the lines of the file that it names.

    Raises:
        InputError: It names a table, of which no column is chosen, or a file that cannot be read.
    """
    if not _is_file(given):
        return [given]
    _require_no_table(given, options)
    tell(say("{file}: read as a file, one text a line", file=given))
    return inputs.lines(given, options.encoding)


LONGEST_NAME = 1_000
"""Characters of a text that may be the name of a file."""


def _is_file(given: str) -> bool:
    """Return whether a text is the name of a file that exists; False if the system takes no such name."""
    try:
        # A text on the command line may be as long as a letter, and systems refuse file names of that length in
        # different ways.
        return len(given) <= LONGEST_NAME and Path(given).is_file()
    except (OSError, ValueError):
        return False


def _require_no_table(path: str, options: argparse.Namespace) -> None:
    """Raise InputError with the columns of a table, if a file is one."""
    if Path(path).suffix.lower() in TABLES and _is_file(path):
        columns = ", ".join(read_table(path, encoding=options.encoding).columns)
        raise InputError(f"{path} is a table: say which column holds the inputs", advice=f"--column: {columns}.")


def run(options: argparse.Namespace, given: list[str] | Table | Frames, read: Iterable[str | None]) -> int:
    """Plan a batch or carry it out, and return the exit code.

    Args:
        options: The arguments of the command.
        given: The inputs.
        read: The files that hold the inputs, which the table must not overwrite.
    """
    # All that can be wrong with the command is found before anything is sent.
    require_one_output(options)
    words: Command = options.operation.command
    # A terminal cannot play the audio, which would be paid for all the same.
    if words.only_files and not (options.out or options.json or options.plan):
        raise InputError("the results are files, and no folder is named for them", advice="Give --out DIR, or --json.")
    chosen, settings = settings_of(options)
    if getattr(options, "compare", None) and inputs.are_several(given):
        raise InputError("--compare goes with one recording", advice="Give one recording, or leave it out.")
    files = given_options(
        options, [name for name, flag in {**words.flags, **words.settings}.items() if flag.kind == "file"]
    )
    where = journal_path(options, given)
    if options.plan:
        return _planned(options, given, where, chosen, settings)
    # The table is written at the end, when everything is paid for; that it can be written is tried now.
    require_writable(options.csv, [*read, *files.values(), options.env_file, where, getattr(options, "compare", None)])
    pieces = PiecesProgress()
    # The file to compare with is read once, because it may be a pipe, which is empty after that.
    options.reference = text_of(options.compare) if getattr(options, "compare", None) else None
    endings = list(_endings(options))
    if options.out or endings:
        require_folder(options.out or ".")
    # The files of a recording that is alone have no number in their names, and those of several have.
    options.is_single = not inputs.are_several(given)
    with (
        Client(provider_of(options), fetch_urls=fetch_rules(options) or False, on_event=pieces.note) as client,
        client.batch(
            options.operation.name,
            given,
            options=chosen,
            journal=where,
            progress=not options.quiet and inputs.are_several(given),
            **settings,
        ) as job,
    ):
        # Files that are in the way are looked for before anything is sent, because the answers are paid for. The local
        # engine costs nothing, so such files may be found at the end.
        if options.out and words.files and any(find(name).hosts for name in provider_names(options)):
            require_free(job, options, {**options.operation.options, **chosen}.get(words.ending, words.ending))
        require_unwritten(job, options, endings)
        # Several recordings have the bar of the batch. One alone would stand at 0 of 1 for an hour.
        if options.operation.input == "audio" and options.is_single and not options.quiet:
            pieces.begin(job)
        with pieces:
            return _carried_out(job, options, where)


def settings_of(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the operation, and the settings of the batch, that the user gave."""
    words: Command = options.operation.command
    settings = batch_settings(options)
    if options.column:
        settings["column"] = options.column
    return {**_asked_by_table(options), **given_options(options, [*words.flags, "timeout", "method"])}, settings


def _asked_by_table(options: argparse.Namespace) -> Mapping[str, Any]:
    """Return the options of the operation that ask for what ``--table`` is to show."""
    if options.table is None:
        return {}
    from cloudai.models.tables import TABLES as KINDS  # it loads the results of all operations

    return KINDS[options.table].asked_by.get(options.operation.name, {}) if options.table in KINDS else {}


def _planned(
    options: argparse.Namespace,
    given: list[str] | Table | Frames,
    where: Path | str | None,
    chosen: dict[str, Any],
    settings: dict[str, Any],
) -> int:
    """Print the plan of a batch, and return 0.

    The journal is read from a copy, so that nothing is written to it, and so that a plan can be made while the batch
    runs in another process.
    """
    with (
        copy_of(where if isinstance(where, Path) else None) as (copied, busy),
        Client(provider_of(options), fetch_urls=fetch_rules(options) or False) as client,
        client.batch(
            options.operation.name,
            given,
            options=chosen,
            # A keeper may be asked while others work, and there is no file of its journal here that could be copied.
            journal=where if is_address(where) else copied,
            **settings,
        ) as job,
    ):
        if busy:
            print(say("{journal} is in use: the batch runs now. This is what it still has to do.", journal=where))
        plan = job.plan()
        print(plan)
        if plan.cached or plan.in_doubt:
            print(say("{n} of {all} inputs are still to be asked for.", n=plan.left, all=plan.inputs))
    return 0


def _carried_out(job: Batch[Any], options: argparse.Namespace, where: Path | str | None) -> int:
    """Carry out a batch and return the exit code; ``where`` is the journal.

    The table is written however the batch ended, unless nothing was done for want of a usable key or setting.
    """
    code = taken = 0
    caveats: dict[str, None] = {}
    with signals_to(job) as caught:
        try:
            for outcome in job:
                taken = _told(outcome, options) or taken
                # A dict keeps each caveat once and in order: a caveat is printed below the table, and not below each
                # row.
                caveats[getattr(outcome.result, "caveat", "")] = None
        except CloudAIError as error:
            tell(error)
            code = code_of(error)
        except OSError:  # the output is closed, or is a file on a full disk
            tell_where(where)
            raise
    # Without a usable key or setting nothing was done, and there is no table to write.
    if code != HOPELESS or job.books["submitted"] > job.books["not_started"]:
        _written(job, options, where, interrupted=bool(caught))
        for caveat in filter(None, caveats):
            tell(caveat)
    if not code:
        code = taken or int(any(job.books[name] for name in NOT_WELL))
        if job.paused and not caught:
            tell_limit(str(job.paused), where)
    # The signal decides the code, whatever else went wrong: a script that was interrupted wants to know just that.
    if caught:
        code = INTERRUPTED + caught[0]
    if code > 1:
        tell_where(where)
        _tell_unkept(options, where if caught else "")
    # An input without an outcome was lost on the way, and the command must not end as if all were well.
    return code if job.balanced else code or IO_ERROR


def _tell_unkept(options: argparse.Namespace, where: Path | str | None) -> None:
    """Print how to keep the pieces of a recording, if a command was stopped that has no journal."""
    if where is None and options.operation.input == "audio":
        tell(say("What was answered is not kept: with --journal FILE the same command goes on from there."))


def _told(outcome: Outcome[Any], options: argparse.Namespace) -> int:
    """Print an outcome as JSON and write its files, where these are asked for; return 0, or the code of a failure.

    Files that cannot be written because other files have their names are no reason to end the batch.
    """
    if options.json:
        # Another program may read one object after the other, and a crash must not lose those that were printed.
        print(json_of(_as_json(outcome)), flush=True)
    result, begin = outcome.result, beginning(options, outcome.item, outcome.input)
    if result is None:
        # A transcript with gaps must not look like a whole one.
        result, begin = _incomplete(outcome), f"{begin}.incomplete"
        if result is None:
            return 0
        if not (options.json or _asks_for_files(options)):
            print(inert(str(result.text)))
    try:
        if options.out and options.operation.command.files:
            write_files(result.files(), options.out, begin)
        if written := list(_written_as(result, options)):
            write_files(written, options.out or ".", begin)
            for end, _ in written:
                tell(say("wrote {file}", file=Path(options.out or ".") / f"{begin}{end}"))
    except TakenError as error:
        tell(error)
        return IO_ERROR
    except InputError as error:  # for example a transcript without times, of which no subtitles can be made
        tell(error)
        return 1
    return 0


def _incomplete(outcome: Outcome[Any]) -> Any:
    """Return what was answered of an input that has failed for good, for example of a recording without a piece of it.

    It is None where nothing was, or where the same command would go on.
    """
    partial = getattr(outcome.error, "partial", None)
    return partial if isinstance(partial, Result) and outcome.status == "failed" else None


def _endings(options: argparse.Namespace) -> Iterator[str]:
    """Yield the ends of the names of the files that the flags of `Command.writes` ask for.

    Raises:
        InputError: The text to compare with has no word.
        MissingExtraError: The extra ``compare`` is not installed.
    """
    for name in options.operation.command.writes:
        if name == "compare" and options.compare:
            from cloudai.models.speech import Transcript  # most commands hear nothing

            # An empty transcript is compared before anything is sent, so that a text that cannot be used costs nothing.
            Transcript().compare(options.reference)
            yield COMPARED
        elif name != "compare" and getattr(options, name):
            yield f".{name}"


COMPARED = ".compare.html"
"""The ending of the name of the page that shows how a transcript differs from a file."""


def _written_as(result: Any, options: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Yield the files that the flags of `Command.writes` ask for, and print how a result compares with a file."""
    for name in options.operation.command.writes:
        if name == "compare" and options.compare:
            comparison = result.compare(options.reference)
            print(translated(str(comparison)))
            yield COMPARED, comparison.to_html(title=Path(options.compare).name).encode()
        elif name != "compare" and getattr(options, name):
            yield f".{name}", getattr(result, f"to_{name}")().encode()


def _written(job: Batch[Any], options: argparse.Namespace, where: Path | str | None, *, interrupted: bool) -> None:
    """Print each error in full, because a table cuts long cells; write or print the table, and sum it up.

    A user who has pressed Ctrl-C wants to see how far the batch came: the table is then written to a file, but not
    printed.
    """
    # Iterating over a job that has ended reads what was kept, and sends nothing.
    table = _in_words(tidy(films.followed(job, options), options.table))
    operation = options.operation.name
    last_line = summary(table, operation, options.table)
    told: dict[str, list[str]] = {}
    for row in table:
        if row.get("error") and row["status"] != "not_started":
            # A thousand inputs may fail for one reason, which is printed once.
            told.setdefault(str(row["error"]), []).append(str(row["input"]))
    for error, names in told.items():
        more = say(" and {n} more", n=len(names) - 1) if len(names) > 1 else ""
        tell(f"{short(names[0])}{more}: {error}")
    if options.csv:
        write_table(table, options.csv, where)
    elif not (options.json or interrupted or _asks_for_files(options)):
        print_table(table.filter(lambda row: row["status"] != "not_started"), say("--csv FILE writes all of it."))
    # Standard output holds data then, which another program reads.
    tell(last_line) if options.json or options.csv == STDOUT else print(inert(last_line), flush=True)
    if job.books["in_doubt"]:
        tell(say(IN_DOUBT))


def _in_words(table: Table) -> Table:
    """Return a table whose errors are in the language of the user, and speak of options of the command."""
    for row in table:
        if row.get("error"):
            row["error"] = translated(str(row["error"]))
    return table


IN_DOUBT = (
    "In doubt means: it was sent, and no answer came, so that it may have been billed. The same command sends it "
    "again; with --in-doubt skip it leaves it out."
)


def _asks_for_files(options: argparse.Namespace) -> bool:
    """Return whether flags of `Command.writes` ask for files, which are read instead of a table of every word."""
    return any(getattr(options, name) for name in options.operation.command.writes)


def provider_of(options: argparse.Namespace) -> str | list[str | Provider]:
    """Return the name of the provider, or a list of several; one for which flags give settings is made with them."""
    words: Command = options.operation.command
    settings, names = given_options(options, words.settings), provider_names(options)
    if not settings:
        return names[0] if len(names) == 1 else [*names]
    owner = words.settings_of or words.provider
    if owner not in names:
        raise SettingsError(f"--{next(iter(settings)).replace('_', '-')} is for --provider {owner}")
    # Only the provider that the settings are of is made here; all others are named, and read their own settings.
    make: Callable[..., Provider] = find(owner)
    return [make(**settings) if name == owner else name for name in names]


def _as_json(outcome: Outcome[Any]) -> dict[str, Any]:
    """Return an outcome as the object that ``--json`` prints."""
    head = {
        "item": outcome.item,
        "input": outcome.input,
        "operation": outcome.operation,
        **({"row": outcome.row} if outcome.row else {}),
    }
    if outcome.result is None:
        partial = _incomplete(outcome)
        return {
            **head,
            "status": outcome.status,
            "error_type": type(outcome.error).__name__,
            "error": translated(str(outcome.error)),
            **({"partial": partial.model_dump(mode="json")} if partial is not None else {}),
        }
    return {
        **head,
        "status": outcome.status,
        "result": outcome.result.model_dump(mode="json"),
        "meta": outcome.result.meta.model_dump(mode="json", exclude_none=True),
    }


def journal(options: argparse.Namespace) -> int:
    """Show what a journal holds, write it out, or delete what it keeps of one input, and return the exit code.

    The code is 1 if nothing is kept of the input that is to be deleted, else 0.

    Raises:
        InputError: Options exclude each other, or name a batch or an input that the journal does not tell apart.
        JournalError: The file is no journal, or cannot be used.
    """
    if options.file == "merge":
        return sharing.merge(options)
    if options.more or options.out:
        raise InputError("more than one journal", advice="Put the word merge before them to make one of several.")
    _require_sense(options)
    file = existing(options.file)
    require_writable(options.csv, [file])
    if options.forget:
        with closing(Journal(file, make=False)) as changed:
            return _forget(changed, options.forget)
    with opened(file) as (kept, is_in_use):
        if is_in_use:
            tell(say("{journal} is in use: this is what it holds until now.", journal=file))
        if options.csv or options.json:
            _exported(kept, kept.read(queries.headings), options)
        else:
            batches = kept.read(queries.batches)
            print_table(Table([_shown(batch) for batch in batches]), say("--json prints all of it."))
            if doubts := kept.read(queries.doubts):
                print("\n" + say("{n} in doubt: sent, and what became of them is not known.", n=doubts))
                print(say(IN_DOUBT))
            print("\n" + say("Replies may hold personal data: --forget INPUT deletes what is kept of one."))
        return 0


def _forget(changed: Journal, wanted: str) -> int:
    """Delete what the journal and the cache keep of the input that the user means, and return the exit code."""
    names = changed.read(queries.known_as(wanted))
    # To delete what belongs to somebody else would be worse than to ask.
    if len(names) > 1:
        raise InputError(f"{wanted} may be {len(names)} inputs: {', '.join(names[:5])}", advice="Say which.")
    if not names:
        print(inert(say("nothing is kept of {input}", input=wanted)))
        return 1
    # The cache goes first: if that fails, the journal still knows what has to be deleted.
    CacheStore().forget(changed.read(queries.keys_of(names[0])))
    changed.ask(queries.forget(names[0]))
    print(inert(say("forgot {input}, and what was answered for it", input=names[0])))
    return 0


def cache(options: argparse.Namespace) -> int:
    """Show where the answers of earlier batches are kept and how large they are, or delete them; return 0."""
    kept = CacheStore()
    if options.clear:
        print(say("deleted {n} answers from {file}", n=kept.clear(), file=kept.path))
        return 0
    facts = kept.facts()
    oldest = None if facts.oldest is None else f"{datetime.fromtimestamp(facts.oldest, UTC):%Y-%m-%d}"
    shown = {"file": str(facts.path), "answers": facts.answers, "MB": round(facts.size / 1e6, 1), "oldest": oldest}
    print(Table([shown], widest_cell=200))
    print("\n" + say("Replies may hold personal data: --clear deletes them all."))
    print(say("cloudai journal FILE --forget INPUT deletes those of one input."))
    return 0


def _require_sense(options: argparse.Namespace) -> None:
    """Raise InputError for options that have no effect, or that exclude each other."""
    if options.forget and (options.csv or options.json):
        raise InputError("--forget writes nothing out", advice="Leave out --csv and --json.")
    # An option that has no effect is an error: it may be the one that mattered.
    if options.rows and not options.csv:
        raise InputError("--rows goes with --csv", advice="Give --csv FILE.")
    if options.batch is not None and not (options.csv or options.json):
        raise InputError("--batch goes with --csv or --json", advice="Give one of them.")
    if options.json and options.csv:
        raise InputError("--json and --csv are two ways to write it out", advice="Leave one out.")


def _exported(opened: Journal, batches: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Write out one batch of a journal, or with ``--json`` all of them.

    Raises:
        InputError: There is no batch, or none of this number, or there are several and ``--csv`` can hold only one.
        JournalError: Some inputs cannot be read; all others are written out before.
    """
    wanted = [batch for batch in batches if options.batch in (None, batch["batch"])]
    if not batches:  # a keeper makes the file before the first worker comes
        raise InputError(f"{options.file} holds no batch yet", advice="Run one with it first.")
    if not wanted:
        raise InputError(f"no batch {options.batch} in {options.file}", advice=f"It has 1 to {len(batches)}.")
    # Batches of different operations have different columns.
    if len(wanted) > 1 and options.csv:
        raise InputError(f"{options.file} holds {len(wanted)} batches", advice="Say which with --batch N.")
    unreadable = 0
    for batch in wanted:
        kept = Salvage(opened, batch["batch"], batch["operation"])
        if options.json:
            for outcome in kept:
                print(json_of(_as_json(outcome)))
        else:
            write_table(table_of(kept) if options.rows else tidy(followed(kept)), options.csv, Path(options.file))
        unreadable += kept.unreadable
    # Everything that can be read is written first, and the error comes last.
    if unreadable:
        raise JournalError(
            f"{options.file} is damaged: {unreadable} of its inputs cannot be read, the others are written out",
            advice="Restore a copy, or run the same again with another journal.",
        )


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the row that the table of a journal has for a batch, with its inputs by status.

    Results that found something and those that found nothing are counted as "done".
    """
    books = {"done": 0, **batch["books"]}
    books["done"] += books.pop("ok", 0) + books.pop("none_found", 0)
    names = ("batch", "provider", "operation", "runs", "requests", "started_at")
    return {**{name: batch[name] for name in names}, **books, "options": batch["options"]}

"""Define what all results share: frozen data, strict numbers, and `meta` and `raw` beside the values."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import CoreSchema, core_schema

from cloudai.errors import NeedsImageError, SettingsError
from cloudai.models.columns import TYPES
from cloudai.table import LEADING, Table
from cloudai.table_files import ColumnType
from cloudai.text import inert, lines_of

__all__ = ["Base64", "Box", "Level", "Meta", "Model", "Point", "Result", "Tried", "Usage"]

T = TypeVar("T")

ROUNDING = 1e-6
"""How far a number may lie outside 0 to 1. Vendors compute in float32, where a confidence of 1.0000001 means 1."""


def _in_unit(value: float) -> float:
    if not -ROUNDING <= value <= 1 + ROUNDING:
        raise ValueError("not between 0 and 1")
    return min(max(value, 0.0), 1.0)


class _Unit:
    """The check of a number from 0 to 1, which calls a function of Python only for a number outside that."""

    def __get_pydantic_core_schema__(self, *_: object) -> CoreSchema:
        inside = core_schema.float_schema(strict=True, allow_inf_nan=False, ge=0, le=1)
        number = core_schema.float_schema(strict=True, allow_inf_nan=False)
        near = core_schema.no_info_after_validator_function(_in_unit, number)
        return core_schema.union_schema(
            [inside, near],
            mode="left_to_right",
            custom_error_type="not_in_unit",
            custom_error_message="Input should be a finite number between 0 and 1",
        )


UnitFloat = Annotated[float, _Unit()]
"""A number from 0 to 1."""


def _bytes(value: Any) -> Any:
    """Return the bytes that a text stands for in base64, of either alphabet; anything else is returned as it is."""
    if not isinstance(value, str):
        return value
    # Without validate=True, characters that are none of base64 would be passed over, and other bytes would come out.
    return base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)


Base64 = Annotated[
    bytes, BeforeValidator(_bytes), PlainSerializer(lambda data: base64.b64encode(data).decode(), when_used="json")
]
"""Bytes that are base64 in JSON (RFC 4648, section 4), which is what most decoders read."""


class Model(BaseModel):
    """A frozen value whose numbers are finite numbers: it refuses the text "0.5" and NaN."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        extra="forbid",
        defer_build=True,  # most programs use few of the models, and building all takes time at import
    )

    def __str__(self) -> str:
        """Return the values that there are: in one line if they fit there, and else one a line, cut if it is long."""
        shown = [(name, inert(_told(value))) for name, value in _shown_values(self)]
        whole = f"{type(self).__name__}({', '.join(f'{name}={told}' for name, told in shown)})"
        if len(whole) <= LONGEST:
            return whole
        lines = [f"{type(self).__name__}:"]
        for name, told in shown:
            lines.append(f"  {name}: {told if len(told) <= LONGEST else f'{told[: LONGEST - 1]}…'}")
        return "\n".join(lines)


LONGEST = 90
"""Characters of a value of a model that is printed, at most."""


def _shown_values(model: Model) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a model that are there, and are no secret of where a file lies."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if field.repr and value not in (None, "", (), {}):
            yield name, value


def _told(value: object) -> str:
    """Return a value in words: of a model its values in a row, of several values each after the other."""
    if isinstance(value, Model):
        return ", ".join(f"{name} {_told(each)}" for name, each in _shown_values(value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_told(each)}" for name, each in value.items())
    if isinstance(value, tuple | list):
        return "; ".join(map(_told, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Point(Model):
    """A position in the upright original, in pixels from its top left corner."""

    x: float
    y: float
    z: float | None = None
    """Depth as the vendor gives it; None if it gives none."""


class Box(Model):
    """An axis-parallel rectangle in pixels of the upright original; it may reach over the edge."""

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    width: float
    height: float
    image_size: tuple[int, int] | None = Field(default=None, repr=False)
    """Width and height of the upright original; None for a picture passed on by URL."""

    @property
    def normalized(self) -> tuple[float, float, float, float]:
        """The box as fractions of the picture: x, y, width, height.

        Raises:
            NeedsImageError: The size of the picture is not known, because it was passed on by URL.
        """
        if self.image_size is None:
            raise NeedsImageError(
                "the size of a picture passed on by URL is not known here",
                advice="Give the picture itself (a path or bytes) to have fractions, crops and drawings.",
            )
        across, down = self.image_size
        return self.x / across, self.y / down, self.width / across, self.height / down

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.width * self.height

    def overlap(self, other: Box) -> float:
        """Return the intersection of two boxes over their union, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        if not both:  # two sides of 1e-200 px are not 0, and their product is
            return 0.0
        return both / (self.area + other.area - both)


class Level(Model):
    """A grade as our number, with the vendor's own word beside it.

    Google's likelihood words become 0, .25, .5, .75, 1 (VERY_UNLIKELY to VERY_LIKELY): ranks, not
    probabilities. UNKNOWN and words we do not know have no score.
    """

    score: UnitFloat | None = None
    word: str | None = None


class Tried(Model):
    """A provider that was to answer before the one that did, why it did not, and what it may have billed for that."""

    provider: str
    error: str
    """The class of the error, for example "ServerError"."""
    why: str
    """The text of the error, which says what to do about it."""
    billed_min: int = 0
    billed_max: int = 0


class Usage(Model):
    """The tokens that a chat model counted for a call, all its requests together; None for what it does not say."""

    input_tokens: int | None = None
    """Tokens of the prompt, pictures and recordings included."""
    output_tokens: int | None = None
    """Tokens of the answer; vendors bill the model's thinking at the same price."""
    thinking_tokens: int | None = None
    """Tokens of the model's thinking, which are not among ``output_tokens``."""
    total_tokens: int | None = None
    cost: float | None = None
    """The cost in USD by the list price of `price_date`; None where cloudai knows no price of the model."""
    price_date: str | None = None
    """The ISO date on which the price was checked."""

    def plus(self, other: Usage) -> Usage:
        """Return the tokens of two requests together; the cost is None where that of either is not known."""
        names = ("input_tokens", "output_tokens", "thinking_tokens", "total_tokens")
        both = {name: [n for n in (getattr(self, name), getattr(other, name)) if n is not None] for name in names}
        sums = {name: sum(counts) if counts else None for name, counts in both.items()}
        if self.cost is None or other.cost is None or self.price_date is None or other.price_date is None:
            return Usage(**sums)
        # A sum of two prices is as old as the older of them.
        return Usage(**sums, cost=self.cost + other.cost, price_date=min(self.price_date, other.price_date))


class Meta(Model):
    """The origin of a result, and what the call cost."""

    provider: str = ""
    operation: str = ""
    method: Literal["classic", "generative", "local"] = "classic"
    service: str | None = None
    """The vendor's service, for example "vision"; several are separated by commas."""
    api_version: str | None = None
    model: str | None = None
    """The model that the reply names."""
    prompt: str | None = None
    """The name and the version of the prompt that a chat model was given: "sentiment/1"; None without one."""
    usage: Usage | None = None
    """The tokens that a chat model counted; None without one."""
    request_id: str | None = None
    language_sent: str | None = None
    """The language code that was sent, in the vendor's spelling."""
    input: str = ""
    """Name of the input: a file name, a URL, or the kind of input and the beginning of its digest."""
    source: str | None = Field(default=None, exclude=True, repr=False)
    """The path that was given, by which a notebook shows the picture; it is written nowhere."""
    sha256: str | None = None
    """Digest (hex) of the input as given, by which a paid call is recognised."""
    sent_sha256: str | None = None
    """Digest (hex) of the bytes that were sent, after turning, fitting and stripping."""
    sent_bytes: int | None = None
    prepared: str | None = None
    """A note of what was done to the input: "upright, 4000→1600 px"."""
    image_size: tuple[int, int] | None = None
    """Width and height of the upright original, in px; None if it was passed on by URL."""
    channels: Literal["mix", "each"] | None = None
    """How the channels of a recording were treated if it has several; None if it has one, or they are not known."""
    by_reference: bool = False
    """True if the vendor fetched the input from its URL itself."""
    called_at: datetime | None = None
    elapsed: float | None = None
    """Seconds that the call took, waits and retries included."""
    attempts: int = 0
    billed_min: int = 0
    """The fewest units that the vendor can have counted for this call, failed attempts included."""
    billed_max: int = 0
    """The most units that the vendor can have counted for this call."""
    replayed: bool = False
    """True if the reply came from a cassette or a journal, and nothing was sent."""
    tried: tuple[Tried, ...] = ()
    """The providers of a client with several that did not answer, in the order in which they were to. The units that
    they may have billed are not in ``billed_max``, which is of the provider that answered."""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Return the origin with these facts, which cloudai itself has found and which are not checked again."""
        meta = object.__new__(cls)
        object.__setattr__(meta, "__dict__", {**DEFAULTS, **facts})
        object.__setattr__(meta, "__pydantic_fields_set__", set(facts))
        object.__setattr__(meta, "__pydantic_extra__", None)
        object.__setattr__(meta, "__pydantic_private__", None)
        return meta


DEFAULTS: Mapping[str, Any] = {name: field.default for name, field in Meta.model_fields.items()}
"""The values of the fields of `Meta` as long as nothing is known."""


class Result(Model):
    """The base of every result.

    ``meta`` says where the result comes from; ``raw`` is the reply as it was received (a list of replies where the
    operation took several). Both are left out of equality, ``repr`` and ``model_dump()``.
    """

    meta: Meta = Field(default=Meta(), exclude=True, repr=False)
    raw: Any = Field(default=None, exclude=True, repr=False)

    units: ClassVar[Mapping[str, str]] = {}
    """The units of the columns of `table`, by the column's name."""
    types: ClassVar[Mapping[str, ColumnType]] = {}
    """The types of the columns of `table` that are not those of `cloudai.models.columns`."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    # pydantic would make a hash of all fields, which fails for `raw`, a dict.
    __hash__ = None  # type: ignore[assignment]

    def _values(self) -> dict[str, Any]:
        """Return the fields by which two results are compared: all but ``meta`` and ``raw``."""
        return {name: value for name, value in self.__dict__.items() if name not in ("meta", "raw")}

    def _with(self, meta: Meta, raw: object) -> Self:
        """Return a copy of the result with this ``meta`` and ``raw``."""
        return self._changed(meta=meta, raw=raw)

    def _changed(self, **changes: Any) -> Self:
        """Return a copy with other values, which are not checked."""
        # `model_copy` would copy each part of the result by a function of Python.
        changed = object.__new__(type(self))
        object.__setattr__(changed, "__dict__", {**self.__dict__, **changes})
        object.__setattr__(changed, "__pydantic_fields_set__", self.__pydantic_fields_set__.union(changes))
        object.__setattr__(changed, "__pydantic_extra__", None)
        object.__setattr__(changed, "__pydantic_private__", None)
        return changed

    def _rows(self) -> list[dict[str, Any]]:
        """Return the rows of `to_rows`, with the operation's own columns only; none if there is nothing to show."""
        raise NotImplementedError

    def _columns(self) -> Sequence[str]:
        """Return the names of the operation's own columns, in order."""
        raise NotImplementedError

    def to_rows(self, *, item: int = 0) -> list[dict[str, Any]]:
        """Return the result as rows of a table, each a dict.

        Most results have one row for each item. A `Sentiment` has a row for the whole text (``sentence`` -1) before
        those of its sentences, a `Transcript` one for each word, and an `ImageAnalysis` one for each thing of any kind,
        also for its faces and its lines of text, which have tables of their own besides. A result that would have no
        row has a single one, with the ``status`` "none_found".

        Args:
            item: The number of the input, for the column of that name.
        """
        return self._headed(self._rows(), self._columns(), self._nothing(), item)

    def _headed(
        self, rows: list[dict[str, Any]], columns: Sequence[str], nothing: Mapping[str, Any], item: int
    ) -> list[dict[str, Any]]:
        """Return rows with the columns with which each table begins; a single row of ``nothing`` if there are none."""
        head = {
            "item": item,
            "input": self.meta.input,
            "operation": self.meta.operation,
            "status": "ok" if rows else "none_found",
            "provider": self.meta.provider,
            "method": self.meta.method,
        }
        # Without a row the input would be missing in a table of many, as if it had never been given.
        return [{**head, **dict.fromkeys(columns), **row} for row in rows or [dict(nothing)]]

    def _nothing(self) -> dict[str, Any]:
        """Return the columns that have a value even if the result has no items."""
        return {}

    def files(self) -> list[tuple[str, bytes]]:
        """Return what of the result belongs into files, each as the end of its name and its content; usually nothing.

        The command line writes them into a folder.
        """
        return []

    def table(self, kind: None = None) -> Table:
        """Return the rows as a table with columns and units.

        Raises:
            SettingsError: A kind of table is named, which only the outcomes of several inputs have.
        """
        if kind is not None:
            raise SettingsError(
                "a single result has one table, and takes no kind",
                advice='Leave it out, or use client.map(operation, [input]).table("faces").',
            )
        return Table(self.to_rows(), [*LEADING, *self._columns()], self.units, types={**TYPES, **self.types})

    def to_csv(self, path: Any = None, *, excel: bool = True) -> str:
        """Return the table as CSV, and write it to a file if a path is given; see `Table.to_csv`.

        The text is that for Excel unless ``excel=False`` is given, also where no file is written.

        Raises:
            InputError: The path has the ending of another kind of file.
            OutputError: The file cannot be written.
        """
        return self.table().to_csv(path, excel=excel)

    def _repr_html_(self) -> str:
        return self.table().select(*self._columns()).filled()._repr_html_()

    def __str__(self) -> str:
        """Return the result in a few lines that a person can read."""
        who = f"{self.meta.input}, {self.meta.provider}" if self.meta.input else self.meta.provider
        head = f"{type(self).__name__}{f' ({who})' if who else ''}: {self._amount()}"
        return inert(head) + "".join(f"\n{line}" for line in self._readable())

    def _amount(self) -> str:
        """Return in a word how much there is."""
        return "1 result"

    def _readable(self) -> Iterator[str]:
        """Yield the lines below the first one, when the result is printed."""
        rows = self._rows()
        if rows:
            table = Table(rows, self._columns(), self.units).filled()
            yield str(table.head(FEW).fit(WIDE)[0])
        if len(rows) > FEW:
            yield f"… and {len(rows) - FEW} more rows: table() has all of them"


FEW = 8
"""Rows of a result that are printed at most."""
WIDE = 100
"""Columns of a result that is printed, at most."""


def first_lines(text: str) -> Iterator[str]:
    """Yield the first lines of a text, as a result that is mostly text is printed."""
    lines = lines_of(text)
    yield from (inert(line) for line in lines[:FEW])
    if len(lines) > FEW:
        yield f"… and {len(lines) - FEW} more lines: text has all of them"


class Many(Result, Generic[T]):
    """A result that iterates over its main items, and is true even when it has none."""

    def _items(self) -> Sequence[T]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]  # pydantic iterates over the fields
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def __getitem__(self, index: int) -> T:
        return self._items()[index]

    # A result without items has the length 0, and would be false by it, like a call without a result.
    def __bool__(self) -> bool:
        return True

    def _amount(self) -> str:
        return f"{len(self)} {self.things[0] if len(self) == 1 else self.things[1]}"

    things: ClassVar[tuple[str, str]] = ("result", "results")
    """The words for one of its main items and for several, when the result is printed."""

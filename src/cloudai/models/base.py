"""What every result shares: frozen data, strict numbers, `meta` and `raw` beside the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cloudai.errors import NeedsImageError
from cloudai.table import LEADING, Table

__all__ = ["Box", "Level", "Meta", "Model", "Point", "Result"]

T = TypeVar("T")

ROUNDING = 1e-6
"""Vendors compute in float32: a confidence of 1.0000001 is a 1, not a reply to refuse."""


def _in_unit(value: float) -> float:
    if not -ROUNDING <= value <= 1 + ROUNDING:
        raise ValueError("not between 0 and 1")
    return min(max(value, 0.0), 1.0)


UnitFloat = Annotated[float, AfterValidator(_in_unit)]
"""A number from 0 to 1."""


class Model(BaseModel):
    """A frozen value whose numbers are finite numbers: the text "0.5" and NaN are refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        extra="forbid",
        ser_json_bytes="base64",  # audio is not text
        val_json_bytes="base64",
        defer_build=True,
    )


class Point(Model):
    """A place in the upright original, in pixels from its top left corner."""

    x: float
    y: float
    z: float | None = None
    """Depth as the vendor gives it; None where it gives none."""


class Box(Model):
    """An axis-parallel rectangle in pixels of the upright original; may reach over its edge."""

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
        """(x, y, width, height) as fractions of the picture; NeedsImageError where its size is unknown."""
        if self.image_size is None:
            raise NeedsImageError(
                "the size of a picture passed on by URL is not known here",
                advice="Give the picture itself (a path or bytes) to have fractions, crops and drawings.",
            )
        across, down = self.image_size
        return self.x / across, self.y / down, self.width / across, self.height / down

    @property
    def area(self) -> float:
        """Width times height, square pixels."""
        return self.width * self.height


class Level(Model):
    """A grade with the vendor's own word kept beside our number.

    Google's likelihood words become 0, .25, .5, .75, 1 (VERY_UNLIKELY to VERY_LIKELY): ranks, not
    probabilities. UNKNOWN and words we do not know have no score.
    """

    score: UnitFloat | None = None
    word: str | None = None


class Meta(Model):
    """Where a result comes from, and what it cost."""

    provider: str = ""
    operation: str = ""
    method: Literal["classic", "generative", "local"] = "classic"
    service: str | None = None
    """The vendor's service, for example "vision"; all of them, with commas, where the operation asked several."""
    api_version: str | None = None
    model: str | None = None
    """The model the reply names."""
    request_id: str | None = None
    language_sent: str | None = None
    """The language code that went out, in the vendor's spelling."""
    input: str = ""
    """Name of the input: a file name, a URL, or its first bytes' digest."""
    sha256: str | None = None
    """Digest of the input as given; the key by which a paid call is found again."""
    sent_sha256: str | None = None
    """Digest of the bytes sent, after turning, fitting and stripping."""
    sent_bytes: int | None = None
    prepared: str | None = None
    """What was done to the input: "upright, 4000→1600 px"."""
    image_size: tuple[int, int] | None = None
    """Width and height of the upright original, px; None when passed on by URL."""
    by_reference: bool = False
    """The vendor fetched the input from its URL itself."""
    called_at: datetime | None = None
    elapsed: float | None = None
    """Seconds, waits and retries included."""
    attempts: int = 0
    billed_min: int = 0
    """Fewest units the vendor can have counted for this call, failed attempts included."""
    billed_max: int = 0
    replayed: bool = False
    """The reply came from a cassette or journal: nothing was sent."""


class Result(Model):
    """The base of every result.

    ``meta`` says where it comes from; ``raw`` is the reply as received (a list of replies where the
    operation took several). Both are left out of equality, ``repr`` and ``model_dump()``.
    """

    meta: Meta = Field(default=Meta(), exclude=True, repr=False)
    raw: Any = Field(default=None, exclude=True, repr=False)

    units: ClassVar[Mapping[str, str]] = {}
    """Units of the columns of `table()`."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]

    def _values(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("meta", "raw")}

    def _with(self, meta: Meta, raw: object) -> Self:
        return self.model_copy(update={"meta": meta, "raw": raw})

    def _rows(self) -> list[dict[str, Any]]:
        """The operation's own columns, one row for each thing found."""
        raise NotImplementedError

    def _columns(self) -> Sequence[str]:
        """The operation's own columns, in order."""
        raise NotImplementedError

    def to_rows(self, *, item: int = 0) -> list[dict[str, Any]]:
        """One dict for each thing found; one with ``status`` "none_found" where there is none."""
        rows = self._rows()
        head = {
            "item": item,
            "input": self.meta.input,
            "status": "ok" if rows else "none_found",
            "provider": self.meta.provider,
            "method": self.meta.method,
        }
        return [{**head, **dict.fromkeys(self._columns()), **row} for row in rows or [self._nothing()]]

    def _nothing(self) -> dict[str, Any]:
        """What is known where nothing was found."""
        return {}

    def table(self) -> Table:
        """The rows with their columns and units."""
        return Table(self.to_rows(), [*LEADING, *self._columns()], self.units)

    def to_csv(self, path: Any = None, *, excel: bool = True) -> str:
        """Write the table as CSV, or return it: see `Table.to_csv`."""
        return self.table().to_csv(path, excel=excel)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


class Many(Result, Generic[T]):
    """A result that iterates over its main thing, and is true even when empty."""

    def _items(self) -> Sequence[T]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]  # pydantic iterates over fields; we do not
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def __getitem__(self, index: int) -> T:
        return self._items()[index]

    def __bool__(self) -> bool:
        return True

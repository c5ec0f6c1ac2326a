"""Three hundred pictures at two vendors: the tables stand one below the other, and side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Client, Google, Table
from tests.made_up.vendors import Vendors

PICTURES = 300


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """Return the tables of the faces in the same 300 pictures, by two vendors and two operations."""
    import PIL.Image

    folder = tmp_path_factory.mktemp("사진")
    for n in range(PICTURES):
        PIL.Image.new("RGB", (90, 60), (n % 256, n // 2, 7)).save(folder / f"사진{n:03}.png", compress_level=0)
    (folder / "글.png").write_text("<!DOCTYPE html>", "utf-8")
    pictures = sorted(folder.glob("*.png"))
    azure = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
    return {
        "azure": faces_of(azure, "detect_faces", pictures),
        "google": faces_of(Google(api_key="not-a-real-key"), "analyze_image", pictures, features=["faces", "tags"]),
    }


def faces_of(provider: Any, operation: str, pictures: list[Path], **options: Any) -> Table:
    """Return the table of faces of a batch, made after the batch has ended."""
    with Client(provider, send=Vendors()) as client, client.batch(operation, pictures, options=options) as job:  # type: ignore[call-overload]
        for _ in job:
            pass
    return job.tidy("faces")  # type: ignore[no-any-return]


KEYS = ["item", "input", "face"]


def test_each_vendor_has_all_inputs_and_the_same_columns(tables: dict[str, Table]) -> None:
    """One row for each face, at least one for each picture; the columns are those of faces, whoever found them."""
    azure, google = tables.values()
    assert azure.columns == google.columns
    assert set(azure["input"]) == set(google["input"]) == {*(f"사진{n:03}.png" for n in range(PICTURES)), "글.png"}
    assert azure.filter(input="글.png")["status"] == google.filter(input="글.png")["status"] == ["failed"]
    assert set(azure["operation"]) == {"detect_faces"}
    assert set(google["operation"]) == {"analyze_image"}


def test_they_concatenate_and_join_in_pandas(tables: dict[str, Table]) -> None:
    """The types are those of the columns, not of what a vendor happens to give: Azure has no confidence at all."""
    import pandas as pd

    azure, google = (table.to_pandas() for table in tables.values())
    assert azure.dtypes.to_dict() == google.dtypes.to_dict()
    assert str(azure["confidence"].dtype) == "float64"
    assert azure["confidence"].isna().all()
    both = pd.concat([azure, google])
    assert both.dtypes.to_dict() == azure.dtypes.to_dict()
    assert both.groupby("provider")["face"].count().to_dict()["azure"] > PICTURES // 2
    paired = azure.dropna(subset=["face"]).merge(
        google.dropna(subset=["face"]), on=KEYS, suffixes=("_azure", "_google")
    )
    assert len(paired) == azure["face"].count() == google["face"].count()
    assert (paired["x_azure"] == paired["x_google"]).all()


def test_they_concatenate_and_join_in_polars(tables: dict[str, Table]) -> None:
    """The schemas are equal, and no column of missing values is of no type."""
    import polars as pl

    azure, google = (table.to_polars() for table in tables.values())
    assert azure.schema == google.schema
    assert pl.Null not in azure.schema.values()
    assert pl.concat([azure, google]).height == azure.height + google.height
    paired = azure.drop_nulls("face").join(google.drop_nulls("face"), on=KEYS, how="inner")
    assert paired.height == azure["face"].count()


def test_they_concatenate_and_join_as_parquet(tables: dict[str, Table], tmp_path: Path) -> None:
    """Two files are read as one, in another program."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    for name, table in tables.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    schemas = [pq.read_schema(tmp_path / f"{name}.parquet") for name in tables]
    assert schemas[0].equals(schemas[1])
    both = ds.dataset(tmp_path, format="parquet").to_table()
    assert both.num_rows == sum(map(len, tables.values()))
    azure, google = (pq.read_table(tmp_path / f"{name}.parquet").filter(ds.field("face").is_valid()) for name in tables)
    assert azure.join(google, KEYS, join_type="inner", right_suffix="_google").num_rows == azure.num_rows


def test_a_table_read_from_csv_joins_too(tables: dict[str, Table], tmp_path: Path) -> None:
    """Positions have one decimal, and Korean names are spelled alike in both files."""
    names = []
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv")
        names.append(cloudai.read_table(tmp_path / f"{name}.csv")["input"])
    assert set(names[0]) == set(names[1])

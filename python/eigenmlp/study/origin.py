"""Where the data of a study came from, as options of `eigenmlp study` that load them again."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Origin"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The options that loaded a study's data.

    Parameters
    ----------
    dataset : str or None
        Name of a data set the study knows; None for files.
    images : Path or None
        File of the images, absolute: a relative one would be another from another folder.
    labels : str or None
        Absolute path of the labels' file, or the name of a column or an array of the images' file.
    header : bool or None
        Whether the first row of a table holds names; None leaves it to the reader.
    predict : Path or None
        File of the images to predict, absolute.
    quick : bool
        Whether the data were cut short.
    """

    dataset: str | None = None
    images: Path | None = None
    labels: str | None = None
    header: bool | None = None
    predict: Path | None = None
    quick: bool = False

    @property
    def words(self) -> list[str]:
        """The options as words of a command, but for ``--quick``."""
        named = {
            "--dataset": self.dataset,
            "--images": self.images,
            "--labels": self.labels,
            "--predict": self.predict,
        }
        given = {name: str(value) for name, value in named.items() if value is not None}
        words = [word for pair in given.items() for word in pair]
        if self.header is not None:
            words.append("--header" if self.header else "--no-header")
        return words

    @property
    def extras(self) -> list[str]:
        """Extras of the package that reading the data and the report need."""
        files = (self.images, self.labels, self.predict)
        suffixes = (".parquet", ".feather")
        parquet = any(str(file).lower().endswith(suffixes) for file in files)
        return ["study", *(["parquet"] if parquet else [])]

"""What results and comparisons have in common: tables, rows, a data frame, HTML for a notebook. Only `to_frame` needs
pandas.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evalkube import html
from evalkube_report.csv_file import Cell
from evalkube_report.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tabled"]

_SHOWN = 3
"""The number of tables that a notebook shows."""


class Tabled(ABC):
    """The base class of results and comparisons."""

    @abstractmethod
    def facts(self) -> Sequence[tuple[str, str]]:
        """What stands above the tables, as names and values."""

    @abstractmethod
    def tables(self) -> list[Table]:
        """The tables, the most important one first."""

    @abstractmethod
    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows of the CSV form, after the head."""

    def to_frame(self) -> "pd.DataFrame":
        """The rows as a data frame of pandas."""
        try:
            import pandas as pd  # nothing else here needs it
        except ImportError:
            raise ImportError("to_frame needs pandas: pip install pandas") from None
        head, *rows = self.rows()
        return pd.DataFrame(rows, columns=list(head))

    def _repr_html_(self) -> str:
        """The facts and the first tables as HTML for a notebook."""
        return html.page(self.facts(), self.tables()[:_SHOWN])

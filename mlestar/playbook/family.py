"""What is known of a model family: how it is written, which table it is fed, which data it suits, what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlestar.playbook.recipe import Parameter, Table

Params = dict[str, Parameter]


@dataclass(frozen=True)
class Family:
    """A model family in one character; `{params}` in an expression stands for its parameters."""

    name: str
    title: str
    """Starts with a capital; what a person calls it."""
    about: str
    """One line that becomes the docstring of the function that builds the model."""
    table: Table
    regression: str = ""
    classification: str = ""
    imports: tuple[str, ...] = ()
    regression_imports: tuple[str, ...] = ()
    classification_imports: tuple[str, ...] = ()
    params: Params = field(default_factory=dict)
    regression_params: Params = field(default_factory=dict)
    classification_params: Params = field(default_factory=dict)
    seeded: bool = True
    boosted: bool = False
    """Stops early on the held-out fold."""
    extrapolates: bool = False
    """Its predictions may go far beyond what was seen."""
    kin: str = ""
    """Models of one kin resemble each other; a second solution looks for another kin first."""
    least_rows: int = 0
    """How many rows there must be, those that are held out included."""
    max_rows: int = 10_000_000
    max_columns: int = 100_000
    least_class_rows: int = 0
    """How many rows the rarest class must have."""
    cost: float = 1.0
    """Seconds of one fit as a multiple of LightGBM's."""
    class_cost: float = 0.0
    """What each class beyond the second adds to that part of the seconds that grows with the table, as a share."""
    requires: str = ""
    """A library beside those that are always there."""
    tunable: tuple[str, ...] = ()
    """Optuna suggestions, one for each parameter that is worth searching."""

    def suits(self, rows: int, columns: int, *, regression: bool, text: bool) -> bool:
        """Whether the family can be trained on a table of this size, with or without columns of text."""
        written = self.regression if regression else self.classification
        fed = text or self.table != "words"
        return bool(written) and fed and self.least_rows <= rows <= self.max_rows and columns <= self.max_columns

    def seconds(self, rows: int, columns: int, classes: int) -> float:
        """A rough guess of the seconds of one fit on one thread; fitted features take longer."""
        outputs = 1 + self.class_cost * max(classes - 2, 0)
        quadratic = rows / 1500 if self.kin == "kernel" else 1.0
        fitted = 0.3 if self.table.startswith("enriched") else 0.0
        return fitted + self.cost * (0.06 + 6e-6 * rows * columns * outputs * max(quadratic, 0.2))

    def defaults(self, *, regression: bool) -> Params:
        return {**self.params, **(self.regression_params if regression else self.classification_params)}

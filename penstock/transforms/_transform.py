"""What a transform declares: three functions, and what it does to columns, rows and secrets. Every other part of the engine asks this."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column

ColumnsOf = Callable[[Any, Collection[str]], Collection[str]]
"""Of a step's arguments, and the names of the columns before the step: some of these columns."""


def none(args: Any, columns: Collection[str]) -> Collection[str]:
    """No column."""
    return ()


def every(args: Any, columns: Collection[str]) -> Collection[str]:
    """Every column that there is before the step."""
    return columns


def named(args: Any, columns: Collection[str]) -> Collection[str]:
    """The columns that the arguments name: one text, a list of texts, or the keys of a mapping."""
    return (args,) if isinstance(args, str) else tuple(args)


def no_names(args: Any) -> Mapping[str, str]:
    """The step renames nothing."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One kind of step. Each module of this folder declares one, under the name `transform`.

    These three are needed:

    check: what is wrong with the shape of the arguments, in words; None when nothing is.
    schema: the columns after the step. Raises TransformFailed.
    apply: the rows after the step, exactly of the columns `schema` answers. The last argument holds secrets by name. Raises
        TransformFailed; BadValues where other rows may have no such value.

    The others have defaults that are safe for any step. A step that declares less than the default keeps more: a key that no step touches
    is proved range by range, and foreign keys to it are made at the target.

    renames: old name to new name.
    drops: columns that are not there after the step.
    touches: columns whose values it may change.
    reads: columns whose values it looks at.
    conceals: columns whose values must not be seen after the run. Those that a step drops are concealed as well.
    takes_text: columns of which it needs no more than the text that the source database writes.
    wants_text: those of `takes_text` of which it needs the text, also where they cut the table into chunks.
    same_for_same: of a column that it changes, equal values become equal ones, and values that differ still differ, whatever else is in
        the row.
    keeps_rows: the rows after the step are those before it, one for one and in the same order.
    args_hold_values: the arguments can hold values of rows, and not only names. A report withholds them where they may be sensitive.
    samples: preflight tries the step on a sample of rows. False for code whose effects are not known.
    sign: what a report writes between a column and its argument.
    secret: the secret that `apply` needs, by its name in penstock/state/protection.py.
    """

    check: Callable[[Any], str | None]
    schema: Callable[[tuple[Column, ...], Any], tuple[Column, ...]]
    apply: Callable[[pa.Table, Any, tuple[Column, ...], Mapping[str, str]], pa.Table]
    renames: Callable[[Any], Mapping[str, str]] = no_names
    drops: ColumnsOf = none
    touches: ColumnsOf = every
    reads: ColumnsOf = every
    conceals: ColumnsOf = none
    takes_text: ColumnsOf = none
    wants_text: ColumnsOf = none
    same_for_same: bool = False
    keeps_rows: bool = True
    args_hold_values: bool = True
    samples: bool = True
    sign: str = ": "
    secret: str = ""

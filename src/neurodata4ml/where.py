"""Choose rows by an expression of their columns, and by nothing else: a study from a stranger calls no code."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import guess

if TYPE_CHECKING:
    import pandas as pd

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Mod,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)


def select_rows(table: pd.DataFrame, where: str, *, key: str = "where", rows: str = "trial") -> np.ndarray:
    """Return which rows of a table satisfy ``where``, as booleans.

    Only comparisons, arithmetic, ``and``/``or``/``not``/``in`` and the table's own columns are allowed: a study file
    from a stranger cannot call anything.

    Parameters
    ----------
    table : DataFrame
    where : str
        A comparison of its columns, ``"contrast > 0 and type != 'probe'"``.
    key, rows : str
        What the study calls the expression, and one row; both for messages.

    Raises
    ------
    DesignError
        If the expression cannot be read, uses something else, or names a column that is not there.
    """
    try:
        tree = ast.parse(where, mode="eval")
    except SyntaxError as error:
        example = "contrast > 0" if key == "where" else "snr > 2"
        message = f'{key} = {where!r} cannot be read: {error.msg}. Write a comparison, e.g. "{example}".'
        raise DesignError(message) from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            message = f"{key} = {where!r} uses {type(node).__name__}; only comparisons of {rows} columns are allowed."
            raise DesignError(message)
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            _check_choice(node, f"{key} = {where!r}")
    names = list(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))
    for name in names or [where]:
        if name not in table.columns:
            hint = guess(name, table.columns) or f" Columns: {', '.join(table.columns)}."
            message = f"{key} = {where!r} names {name!r}, which is not a column of the {rows}s.{hint}"
            raise DesignError(message)
    try:
        chosen = np.asarray(table.eval(where, engine="python"))
    except (TypeError, ValueError) as error:
        kinds = ", ".join(f"{name} holds {_kind(table[name])}" for name in names)
        message = f"{key} = {where!r} compares what cannot be compared: {kinds}. Put text in quotes, numbers not."
        raise DesignError(message) from error
    if chosen.dtype != np.bool_ or chosen.shape != (len(table),):
        message = f"{key} = {where!r} gives values, not yes or no. Compare {names[0]} with something: ==, !=, <, >, in."
        raise DesignError(message)
    return chosen


def _check_choice(node: ast.Compare, said: str) -> None:
    """``in`` asks whether a column holds one of some values; asking for letters of a text it would be always False."""
    fits = len(node.ops) == 1 and isinstance(node.left, ast.Name)
    if not fits or not isinstance(node.comparators[0], ast.List | ast.Tuple):
        message = f"{said}: write `in` between a column and a list, e.g. \"type in ['go', 'probe']\"."
        raise DesignError(message)


def _kind(column: pd.Series) -> str:
    return "numbers" if column.dtype.kind in "iufb" else "text"

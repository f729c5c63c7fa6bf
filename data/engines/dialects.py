"""The SQL that DuckDB runs, in the words of another engine; sqlglot translates it."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp

from agon.ranking.errors import SourceError


def translate(sql: str, dialect: str, views: Mapping[str, exp.Query], columns: Mapping[str, str]) -> str:
    """Say a query in another dialect.

    Args:
        sql: as DuckDB runs it.
        dialect: a name that sqlglot knows, such as "spark".
        views: name → what it stands for; each may ask those before it.
        columns: those of the votes and their types in DuckDB.

    Raises:
        SourceError: it cannot be said there.
    """
    tree = rewritten(sql, columns)
    for name, view in views.items():
        tree = tree.with_(exp.to_identifier(name), as_=view.copy(), copy=False)
    try:
        return tree.sql(dialect=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.UnsupportedError as error:
        raise SourceError(f"{dialect} cannot be asked this: {error}.") from None


def rewritten(sql: str, columns: Mapping[str, str]) -> exp.Query:
    """A query of DuckDB as a tree, without what no other engine has.

    `* REPLACE` becomes the columns one by one; GROUP BY ALL those that are grouped; the number of a row is
    null, for rows elsewhere have no order; the length of a list is that of an array.

    Raises:
        SourceError: it is no query.
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.errors.ParseError as error:
        raise SourceError(f"This is no query: {error}.") from None
    for star in list(tree.find_all(exp.Star)):
        if changed := star.args.get("replace") or star.args.get("replace_"):
            _list_columns(star, changed, columns)
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        if group is not None and group.args.get("all"):
            grouped = [one.unalias() for one in select.expressions if not one.find(exp.AggFunc)]
            select.set("group", exp.Group(expressions=[one.copy() for one in grouped]) if grouped else None)
    for window in list(tree.find_all(exp.Window)):
        if isinstance(window.this, exp.RowNumber) and not window.args.get("order"):
            window.replace(exp.cast(exp.Null(), "BIGINT"))
    for length in list(tree.find_all(exp.Length)):
        if isinstance(length.this, exp.Column) and columns.get(length.this.name, "").endswith("[]"):
            length.replace(exp.ArraySize(this=length.this.copy()))
    for call in list(tree.find_all(exp.Anonymous)):
        if isinstance(call, exp.Anonymous) and call.name.lower() == "isfinite":  # not a number is above all
            infinity = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")
            call.replace(exp.LT(this=exp.Abs(this=call.expressions[0].copy()), expression=infinity))
    if not isinstance(tree, exp.Query):
        raise SourceError(f"This is no query: {sql[:80]}.")
    return tree


def _list_columns(star: exp.Star, changed: list[exp.Expression], columns: Mapping[str, str]) -> None:
    """Put columns in the place of a star, some of them changed."""
    select = star.parent
    if not isinstance(select, exp.Select):
        return
    new = {one.alias: one for one in changed}
    listed = [new[name].copy() if name in new else exp.column(name, quoted=True) for name in columns]
    others = [one.copy() for one in select.expressions if one is not star]
    row = [exp.column("agon_row")] if "agon_row" not in columns and _numbered(select) else []
    select.set("expressions", [*listed, *row, *others])


def _numbered(select: exp.Select) -> bool:
    """Whether what is selected from has the numbers of rows."""
    inner = select.args.get("from_") or select.args.get("from")
    return inner is not None and any(one.alias == "agon_row" for one in inner.find_all(exp.Alias))

"""The SQL that DuckDB runs, in the words of another engine; sqlglot translates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from agon.ranking.errors import SourceError

# Texts that DuckDB takes for a value of a type, which PostgreSQL has no TRY_CAST for.
_SPACE = r"^\s*{}\s*$"
_WRITTEN = {
    "DOUBLE": _SPACE.format(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?|inf(inity)?|nan)"),
    "BIGINT": _SPACE.format(r"[+-]?\d{1,18}"),
    "BOOLEAN": "^(true|t|1|yes|y|false|f|0|no|n)$",
    "TIMESTAMPTZ": _SPACE.format(
        r"\d{4}-\d{2}-\d{2}([ t]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(z|utc|[+-]\d{2}(:?\d{2})?)?)?"
    ),
}
_NAMES = {"postgres": "PostgreSQL", "spark": "Spark"}


def translate(
    sql: str,
    dialect: str,
    views: Mapping[str, exp.Query],
    columns: Mapping[str, str],
    parameters: Sequence[Any] = (),
) -> str:
    """Say a query in another dialect.

    Args:
        sql: as DuckDB runs it.
        dialect: a name that sqlglot knows, such as "spark".
        views: name → what it stands for; each may ask those before it.
        columns: those of the votes and their types in DuckDB.
        parameters: one for each `?`; PostgreSQL is told their types.

    Raises:
        SourceError: it cannot be said there.
    """
    tree = rewritten(sql, columns)
    for name, view in views.items():
        tree = tree.with_(exp.to_identifier(name), as_=view.copy(), copy=False)
    if dialect == "postgres":
        _as_postgres(tree, columns, parameters)
    else:
        _as_spark(tree)
    try:
        return tree.sql(
            dialect=dialect,
            unsupported_level=sqlglot.ErrorLevel.RAISE,
            identify=dialect == "postgres",
        )
    except sqlglot.errors.UnsupportedError as error:
        raise SourceError(f"{_NAMES[dialect]} cannot be asked this: {error}.") from None


def rewritten(sql: str, columns: Mapping[str, str]) -> exp.Query:
    """A query of DuckDB as a tree, without what no other engine has.

    `* REPLACE` becomes the columns one by one; GROUP BY ALL those that are grouped; the number of a row is
    null, for rows elsewhere have no order; the length of a list is that of an array.

    Raises:
        SourceError: it is no query.
    """
    try:
        found = sqlglot.parse(_numbered_parameters(sql), read="duckdb")
    except (sqlglot.errors.ParseError, sqlglot.errors.TokenError) as error:
        raise SourceError(f"This is no query: {str(error).splitlines()[0].rstrip('.')}.") from None
    tree = found[0]
    if not isinstance(tree, exp.Query) or len(found) > 1:
        raise SourceError(f"This is no query: {sql[:80]}.")
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
        listed = isinstance(length.this, exp.Column) and columns.get(length.this.name, "").endswith("[]")
        if listed or isinstance(length.this, exp.RegexpExtractAll):
            length.replace(exp.ArraySize(this=length.this.copy()))
    for call in list(tree.find_all(exp.Anonymous)):
        if isinstance(call, exp.Anonymous) and call.name.lower() == "isfinite":  # not a number is above all
            infinity = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")
            call.replace(exp.LT(this=exp.Abs(this=call.expressions[0].copy()), expression=infinity))
    return tree


def parsed(sql: str) -> exp.Query:
    """A query of PostgreSQL, our own, as a tree."""
    tree = sqlglot.parse_one(sql, read="postgres")
    assert isinstance(tree, exp.Query)  # noqa: S101
    return tree


def _numbered_parameters(sql: str) -> str:
    """The query with `$1`, `$2`, ... in the place of its `?`, in the order of the text."""
    parts, end, number = [], 0, 0
    for token in sqlglot.tokenize(sql, read="duckdb"):
        if token.token_type == TokenType.PLACEHOLDER:
            number += 1
            parts += [sql[end : token.start], f"${number}"]
            end = token.end + 1
    return "".join([*parts, sql[end:]])


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


def _as_spark(tree: exp.Query) -> None:
    """Say what sqlglot leaves for Spark: parameters without numbers, and times with their fractions."""
    for parameter in list(tree.find_all(exp.Placeholder)):
        parameter.replace(exp.Placeholder())
    for seconds in list(tree.find_all(exp.TimeToUnix)):
        micros = exp.func("UNIX_MICROS", exp.cast(seconds.this.copy(), "TIMESTAMPTZ"))
        seconds.replace(exp.paren(exp.Div(this=micros, expression=exp.Literal.number("1e6"))))


def _as_postgres(tree: exp.Query, columns: Mapping[str, str], parameters: Sequence[Any]) -> None:
    """Say what sqlglot leaves for PostgreSQL.

    Raises:
        SourceError: what it cannot be asked.
    """
    if tree.find(exp.RegexpExtractAll) is not None:  # its patterns mean something else there
        raise SourceError(
            "PostgreSQL cannot count this in texts as it is counted here; keep the numbers in columns of "
            "their own, such as headers_a and headers_b, or control for length alone."
        )
    names = {name.lower(): name for name in columns}
    for column in tree.find_all(exp.Column):
        identifier = column.this
        if isinstance(identifier, exp.Identifier) and not identifier.quoted:
            identifier.set("this", names.get(identifier.name.lower(), identifier.name))
    for parameter in list(tree.find_all(exp.Placeholder)):
        listed = isinstance(parameters[int(parameter.name) - 1], list)
        numbered = exp.Parameter(this=exp.Literal.number(parameter.name))
        parameter.replace(exp.cast(numbered, "TEXT[]" if listed else "TEXT"))
    for size in list(tree.find_all(exp.ArraySize)):  # of an empty one too
        size.replace(exp.func("CARDINALITY", size.this.copy()))
    for made in list(tree.find_all(exp.Transform)):
        made.replace(_each(made))
    for cast in list(tree.find_all(exp.TryCast)):
        cast.replace(_safe_cast(cast, columns))
    for number, inner in enumerate(list(tree.find_all(exp.Subquery))):
        if isinstance(inner.parent, exp.From | exp.Join) and not inner.alias:
            inner.set("alias", exp.TableAlias(this=exp.to_identifier(f"part_{number}")))


def _each(made: exp.Transform) -> exp.Expr:
    """A list of what is made of each value of a list."""
    of, body = made.this.sql("postgres"), made.expression
    name = body.expressions[0].name
    text = body.this.sql("postgres")
    each = f"UNNEST({of}) WITH ORDINALITY AS agon_each({name}, agon_at)"
    return sqlglot.parse_one(f"ARRAY(SELECT {text} FROM {each} ORDER BY agon_at)", read="postgres")


def _safe_cast(cast: exp.TryCast, columns: Mapping[str, str]) -> exp.Expression:
    """A cast that is null where the text is none of the type, as far as its letters say so."""
    value, kind = cast.this, cast.to.sql("duckdb").upper()
    inner = value
    while isinstance(inner, exp.Cast):
        inner = inner.this
    plain = exp.cast(value.copy(), cast.to.copy())
    known = columns.get(inner.name) if isinstance(inner, exp.Column) else None
    if known not in (None, "VARCHAR") or kind not in _WRITTEN:
        return plain
    fits = exp.RegexpILike(this=value.copy(), expression=exp.Literal.string(_WRITTEN[kind]))
    return exp.case().when(fits, plain)

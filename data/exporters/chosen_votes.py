"""The votes that are exported: read and checked as for ranking, then narrowed by what is asked for."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.exporters.conversations import ROWS_AT_A_TIME, WINNER, as_keys, find_rows
from agon.data.files import encoding
from agon.data.files.counted_part import COUNT
from agon.data.files.schema import KWISE, Voters, layout_of
from agon.data.files.snapshot_folder import holds_log
from agon.data.files.source import Source, describe_source
from agon.data.files.table_source import Invalid, TableSource
from agon.data.importers.columns import digest
from agon.data.log.log_frames import LogFrames, check_log, kept_votes
from agon.data.log.text_parts import part_files
from agon.data.reading import files_of, open_votes
from agon.data.sql import quote_text
from agon.ranking import AgonError, Ballots, Comparisons, SourceError


@dataclass
class ChosenVotes:
    """Votes of one source, and which of them are exported."""

    name: str
    source: Source
    checked: Comparisons
    log: Path | None
    """The log folder that holds their texts, if it is one."""
    place: Path
    """A folder for what does not fit into memory."""
    kept: NDArray[np.bool_]
    """By number of the row: whether it is exported."""
    read: int
    left_out: Counter[str] = field(default_factory=Counter)
    test: NDArray[np.bool_] | None = None
    """By number of the row: whether it is held out."""

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the votes and their SQL types."""
        return dict(self.source.columns)

    @property
    def listed(self) -> bool:
        """Whether the models of a vote stand in lists."""
        return layout_of(self.source.columns, self.name) == KWISE

    def batches(self, columns: str) -> Iterator[pa.RecordBatch]:
        """Go through the chosen votes in their order, a batch at a time, with their row numbers."""
        sql = f"SELECT agon_row, {columns} FROM votes"
        for batch in self.source.connection.sql(sql).to_arrow_reader(ROWS_AT_A_TIME):
            yield batch.filter(pa.array(self.kept[batch["agon_row"].to_numpy()]))

    def ballots(self) -> Ballots:
        """The distinct ballots of the chosen votes."""
        more = ("acceptable", "weight") if self.listed else ("winner", "p_a", "weight")
        wanted = ["models", "places"] if self.listed else ["model_a", "model_b"]
        columns = ", ".join([*wanted, *(name for name in more if name in self.source.columns)])
        table = self.source.query(f"SELECT {columns}, count(*) AS count FROM {self._chosen()} GROUP BY ALL")
        if not table.num_rows:
            return Ballots.of(["none", "nobody"], [[0, 1]], [[1, 2]], count=[0])
        return (encoding.kwise(table) if self.listed else encoding.pairwise(table)).canonical[0]

    def choose(self, criteria: Sequence[str], min_agreement: float, held_out: float) -> None:
        """Leave out what is not asked for, and say which votes are held out.

        Raises:
            SourceError: the votes do not say what they are on.
        """
        if criteria:
            rows = self._rows(f"FROM votes WHERE {self._of_criteria(criteria)}")
            self._narrow(rows, f"on other criteria than {', '.join(criteria)}")
        if not (min_agreement or held_out):
            return
        keys = self._prompts()
        self.source.connection.from_arrow(keys).create_view("agon_prompts")
        if min_agreement:
            rows = self._rows(f"FROM ({self._agreement()}) WHERE share >= {min_agreement!r}")
            self._narrow(
                rows, f"that fewer than {min_agreement:.0%} on the same prompt and models agree with"
            )
        if held_out:
            chance = "('0x' || left(sha256(agon_prompt), 8))::UBIGINT / 4294967296.0"
            self.test = np.zeros(len(self.kept), dtype=np.bool_)
            self.test[self._rows(f"FROM agon_prompts WHERE {chance} < {held_out!r}")] = True

    def _narrow(self, rows: NDArray[np.int64], reason: str) -> None:
        """Keep only some rows, and count the others."""
        before, wanted = int(self.kept.sum()), np.zeros(len(self.kept), dtype=np.bool_)
        wanted[rows] = True
        self.kept &= wanted
        self.left_out[reason] += before - int(self.kept.sum())

    def _rows(self, sql: str) -> NDArray[np.int64]:
        """The numbers of some rows."""
        found = self.source.query(f"SELECT agon_row {sql}")["agon_row"]
        return np.asarray(found.to_numpy(), dtype=np.int64)

    def _chosen(self) -> str:
        """SQL for the chosen votes, in any order."""
        rows = pa.table({"agon_row": np.flatnonzero(self.kept)})
        self.source.connection.register("agon_chosen", rows)
        return "(FROM votes SEMI JOIN agon_chosen USING (agon_row))"

    def _of_criteria(self, criteria: Sequence[str]) -> str:
        """SQL for votes on one of these criteria."""
        listed = ", ".join(quote_text(one) for one in criteria)
        if "criterion" in self.columns:
            return f"CAST(criterion AS VARCHAR) IN ({listed})"
        if self.columns.get("reasons", "").endswith("[]"):
            return f"list_has_any(reasons, [{listed}])"
        raise SourceError(
            f"{self.name} has no criteria: they stand in a column criterion, or in a list reasons; "
            "name yours with columns= (--column criterion=aspect)."
        )

    def _prompts(self) -> pa.Table:
        """The row of each vote and what tells its prompt from others: the text, else the id."""
        names = self.columns.keys()
        known = next((name for name in ("prompt_id", "prompt") if name in names), None)
        key = "NULL" if known is None else f"CAST({known} AS VARCHAR)"
        table = self.source.query(f"SELECT agon_row, {key} AS agon_prompt FROM votes")
        if self.log is not None and "battle_id" in names:
            table = self._with_openings(table)
        elif known is None:
            raise SourceError(
                f"{self.name} does not say which votes are on the same prompt: give a column prompt_id, or "
                "name yours with columns= (--column prompt_id=question)."
            )
        missing = self.kept[table["agon_row"].filter(pc.is_null(table["agon_prompt"])).to_numpy()].sum()
        if missing:
            raise SourceError(
                f"{missing:,} votes of {self.name} have no prompt, so that nobody knows which share "
                'one; leave them out with where="prompt_id IS NOT NULL" (--where).'
            )
        return table.select(["agon_row", "agon_prompt"])

    def leave_out(self, condition: str, *parameters: Any) -> int:
        """Leave out the votes that meet a condition of SQL; how many of those that were left these are."""
        sql = f"SELECT agon_row FROM votes WHERE {condition}"
        gone = np.asarray(self.source.query(sql, list(parameters))["agon_row"].to_numpy(), dtype=np.int64)
        number = int(self.kept[gone].sum())
        self.kept[gone] = False
        return number

    def battles(self) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
        """The row and the battle of each vote that is kept."""
        batches = list(self._keys())
        rows = [row for row, _ in batches] or [np.empty(0, dtype=np.int64)]
        return np.concatenate(rows), np.concatenate([key for _, key in batches] or [np.empty(0, "S32")])

    def _keys(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bytes_]]]:
        for batch in self.batches("CAST(battle_id AS VARCHAR) AS battle_id"):
            yield np.asarray(batch["agon_row"].to_numpy(), dtype=np.int64), as_keys(batch["battle_id"])

    def _with_openings(self, table: pa.Table) -> pa.Table:
        """Tell prompts apart by a digest of the text and the images that the log has, whatever their ids."""
        rows, battles = self.battles()
        order = np.argsort(battles, kind="stable")
        found = dict(zip(table["agon_row"].to_pylist(), table["agon_prompt"].to_pylist(), strict=True))
        for path in part_files(self.log or Path(), "turns"):
            turns = pq.ParquetFile(path).read()
            turns = turns.filter(pc.equal(turns["turn"], 1))
            row, known = find_rows(rows[order], battles[order], as_keys(turns["battle_id"]))
            turns = turns.filter(pa.array(known))
            images = turns["images"].to_pylist() if "images" in turns.column_names else [None] * len(row)
            asked = zip(turns["prompt"].to_pylist(), images, strict=True)
            keys = (digest("\n".join((prompt, *(shown or ())))) for prompt, shown in asked)
            found.update(zip(row.tolist(), keys, strict=True))
        return pa.table({"agon_row": list(found), "agon_prompt": pa.array(found.values(), pa.string())})

    def _agreement(self) -> str:
        """SQL for each vote's row and the share of votes on its prompt and models that say the same."""
        if self.listed:
            who, said = "list_sort(models)", "list_sort(list_zip(models, places))::VARCHAR"
        else:
            who = "[least(model_a, model_b), greatest(model_a, model_b)]"
            said = f"CASE {WINNER} WHEN 'model_a' THEN model_a WHEN 'model_b' THEN model_b ELSE 'tie' END"
            said = said if "winner" in self.columns else "NULL"
            if "p_a" in self.columns:
                soft = "TRY_CAST(p_a AS DOUBLE)"
                side = f"CASE WHEN {soft} > 0.5 THEN model_a WHEN {soft} < 0.5 THEN model_b ELSE 'tie' END"
                said = f"CASE WHEN {soft} IS NOT NULL THEN {side} ELSE {said} END"
        group = f"agon_prompt, {who}"
        return (
            f"SELECT agon_row, count(*) OVER (PARTITION BY {group}, {said}) / "
            f"count(*) OVER (PARTITION BY {group}) AS share "
            f"FROM {self._chosen()} JOIN agon_prompts USING (agon_row)"
        )


@contextmanager
def choose_votes(
    source: object, reading: Mapping[str, Any], invalid: Invalid, voters: Voters | None
) -> Iterator[ChosenVotes]:
    """Read and check votes; those of a log from a copy, because its snapshot may be replaced meanwhile.

    Raises:
        SourceError, VotesError, OptionError: as `comparisons`.
    """
    source = files_of(source)
    log = Path(source) if isinstance(source, str | Path) and _is_log(Path(source)) else None
    name = describe_source(source)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agon-export-")))
        copy = None
        if log is not None:
            copy = stack.enter_context(kept_votes(check_log(log)))
            LogFrames(log, "arrow")  # refuses a log whose texts are not published
            if not list(copy.iterdir()):
                raise SourceError(f"There are no votes in {name}: vote first, or import some.")
        try:
            opened, gone = open_votes(copy or source, **reading, invalid=invalid)
            if COUNT in opened.columns:
                raise SourceError(f"{name} holds counts, not votes one by one; give others the part itself.")
            opened = Source(name, opened.connection, opened.columns, opened.where, opened.path)
            votes = TableSource(source, opened, invalid, voters=voters, left_out=gone)
            checked = Comparisons(votes)
            read = len(checked) + sum(checked.left_out.values())
            valid = votes.valid_rows()
        except AgonError as error:
            raise (error if copy is None else type(error)(str(error).replace(str(copy), name))) from None
        kept = np.zeros(int(valid.max(initial=0)) + 1, dtype=np.bool_)
        last = opened.query("SELECT max(agon_row) AS n FROM votes")["n"][0].as_py()
        kept = np.zeros(last + 1, dtype=np.bool_)
        kept[valid] = True
        yield ChosenVotes(name, opened, checked, log, place, kept, read, Counter(checked.left_out))


def _is_log(folder: Path) -> bool:
    return holds_log(folder) or (folder / "battles").is_dir()

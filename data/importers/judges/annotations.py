"""Annotations of an AlpacaEval judge."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.importers.columns import ANSWER, NUMBER, PROMPT, TEXT, Draft, Format, as_mask


def read_alpacaeval(rows: Rows) -> Draft:
    """Read the `annotations.json` of AlpacaEval (tatsu-lab/alpaca_eval).

    Its `preference` goes from 1 (generator_1 is better) to 2 (generator_2 is), so p_a = 2 - preference; 0
    is a draw, as in alpaca_eval's metrics.
    """
    draft = Draft(rows)
    draft.take("model_a", ("generator_1",), TEXT)
    draft.take("model_b", ("generator_2",), TEXT)
    draft.take("p_a", ("preference",), NUMBER)
    draft.take("voter", ("annotator",), TEXT)
    draft.columns["voter_kind"] = pa.array(["llm"] * len(rows.numbers), pa.string())
    draft.take("category", ("dataset",), TEXT)
    draft.take("prompt_id", ("instruction",), PROMPT)
    for side, output in (("a", "output_1"), ("b", "output_2")):
        draft.take(f"answer_{side}", (output,), ANSWER)
    preference = draft.columns["p_a"]
    drawn = as_mask(pc.equal(preference, pa.scalar(0.0)))  # a draw, which alpaca_eval itself takes for 1.5
    preference = pc.if_else(pa.array(drawn), pa.scalar(1.5), preference)
    draft.fault("no preference", as_mask(pc.is_null(preference)))
    below, above = pc.less(preference, pa.scalar(1.0)), pc.greater(preference, pa.scalar(2.0))
    draft.fault("preference outside 1 to 2", as_mask(below) | as_mask(above), preference)
    draft.columns["p_a"] = pc.subtract(pa.scalar(2.0), preference)
    return draft.check()


ALPACAEVAL = Format("alpacaeval", (("generator_1", "generator_2", "preference"),), read_alpacaeval)

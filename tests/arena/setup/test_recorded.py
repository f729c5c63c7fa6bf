"""The arena over recorded answers: who can be drawn for which prompt, and what is replayed."""

import asyncio

from agon.arena.setup.recorded import read_recorded_lineup
from agon.serving.generation import Limits, generate
from agon.serving.protocol import Message, Sampling

CSV = """prompt,category,language,ada,bob,cyn
Why?,short,en,Because.,42,
Wozu?,,,Darum.,,Um 007.
Alone?,,,Yes.,,
"""


def test_a_file_of_answers_is_an_arena(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(CSV)
    lineup = read_recorded_lineup(path)
    assert not lineup.typed
    assert lineup.notice == "Recorded answers: 3 models, 2 prompts. 1 more has fewer than two answers."
    assert [entrant.card.display_name for entrant in lineup.entrants] == ["ada", "bob", "cyn"]
    assert [(e.prompt, e.category, e.language) for e in lineup.examples] == [
        ("Why?", "short", "en"),
        ("Wozu?", None, None),
    ]

    def candidates(prompt):
        return [entrant.card.name for entrant in lineup.candidates([Message("user", prompt)])]

    assert candidates("Why?") == ["ada", "bob"]
    assert candidates("Wozu?") == ["ada", "cyn"]
    assert candidates("Alone?") == candidates("Something else?") == []
    result = asyncio.run(
        generate(
            lineup.entrants[2].backend,
            [Message("user", "Wozu?")],
            Sampling(),
            limits=Limits(),
            on_text=list,
            stop=asyncio.Event(),
        )
    )
    assert (result.text, result.failure) == ("Um 007.", None)

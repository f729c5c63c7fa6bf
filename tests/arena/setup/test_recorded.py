"""The arena over recorded answers: who can be drawn for which prompt, and what is replayed."""

import asyncio

from agon.arena.setup.recorded import read_recorded_roster
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
    roster = read_recorded_roster(path)
    assert not roster.typed
    assert roster.notice == "Recorded answers: 3 models, 2 prompts. 1 more has fewer than two answers."
    assert [contestant.card.display_name for contestant in roster.contestants] == ["ada", "bob", "cyn"]
    assert [(e.prompt, e.category, e.language) for e in roster.examples] == [
        ("Why?", "short", "en"),
        ("Wozu?", None, None),
    ]

    def candidates(prompt):
        return [contestant.card.name for contestant in roster.candidates([Message("user", prompt)])]

    assert candidates("Why?") == ["ada", "bob"]
    assert candidates("Wozu?") == ["ada", "cyn"]
    assert candidates("Alone?") == candidates("Something else?") == []
    result = asyncio.run(
        generate(
            roster.contestants[2].backend,
            [Message("user", "Wozu?")],
            Sampling(),
            limits=Limits(),
            on_text=list,
            stop=asyncio.Event(),
        )
    )
    assert (result.text, result.failure) == ("Um 007.", None)

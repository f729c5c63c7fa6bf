"""How anonymous the answers of a log are: read of a real one, with what must not be read left out."""

from agon.data import check
from agon.data.log.operation.answer_anonymity import read_anonymity
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import answer, battle, put, vote

SAID = {"ada": "Well, that depends, I think.", "bob": "# Answer\n\n- It is so.\n- Always."}


def filled(folder, battles=40, erased=0):
    """A log in which ada and bob answer each in its own way, and bob takes twice as long."""
    with VoteLog(folder) as log:
        done = []
        for n in range(battles):
            order = ("ada", "bob") if n % 2 else ("bob", "ada")
            drawn = battle(order, prompt=f"Prompt {n}?")
            made = [
                answer(
                    drawn.battle_id,
                    slot,
                    name,
                    text=f"{SAID[name]} {n}",
                    seconds=(1 + (name == "bob")) * (1 + n % 3 / 9),
                    time_to_first_token=0.2,
                )
                for slot, name in enumerate(order)
            ]
            put(log, drawn, *made, vote(drawn.battle_id))
            done.append(drawn.battle_id)
        open_yet = battle(("ada", "bob"), prompt="Open yet?")
        put(log, open_yet, answer(open_yet.battle_id, 0, "ada"), answer(open_yet.battle_id, 1, "bob"))
        if erased:
            log.erase(done[:erased], "person")
        log.snapshot()
    return folder


def test_styles_and_times_are_told_of_voted_battles_alone(tmp_path):
    found = read_anonymity(filled(tmp_path / "log"))
    assert (found.answers, found.models, found.prompts) == (80, 2, 40)
    assert (found.text.named, found.text.told) == (1.0, 1.0)
    assert found.times.told == 1.0
    notes = {one.code: one.message for one in check(tmp_path / "log").notes}
    assert "tells whose is which in 100% (91% to 100%)" in notes["anonymity"]


def test_erased_texts_and_short_logs_say_nothing(tmp_path):
    assert read_anonymity(filled(tmp_path / "few", 20)) is None
    assert read_anonymity(filled(tmp_path / "erased", 36, erased=10)) is None
    assert read_anonymity(tmp_path) is None

"""Routed use: its configuration, its log and what is said of its signals; what is refused, and the remedy."""

from typing import Any

import numpy as np

from agon.arena.setup.config import read_configuration
from agon.data.use_log.use_reading import routed_use
from agon.data.use_log.use_writing import USE, UseLog
from agon.ranking import RoutedUse, signal_effects
from tests.repository.remedies.steps import Case, Given, command

TWO = "".join(f'[[model]]\nname = "{n}"\nbase_url = "http://127.0.0.1:1/v1"\n' for n in ("one", "two"))
DIGEST = "a" * 64
KEYS = f'[[routed.keys]]\nname = "ada"\nsha256 = "{DIGEST}"\n'
LONG, SHORT = "0123456789abcdefghij", "short"
MODEL, HALF, USERS = [0, 1, 0, 1], [0.5, 0.5], ["u", "v", "w", "x"]
THUMBS = {"thumb": [1.0, -1.0, 1.0, 0.0]}


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder = given.new()

    def read(routed: str, *, keys: str = KEYS, models: str = TWO, key: str = LONG) -> Any:
        def reads() -> object:
            path = folder / "arena.toml"
            path.write_text(f"[routed]\n{routed}\n{keys}{models}")
            return read_configuration(path, {"ADA_KEY": key}, routed=True).routed

        return reads

    share = "battle_share = 0.1"
    public = '[arena]\npublic_url = "https://arena.example"\n'

    def of(**changed: Any) -> Any:
        whole = {"models": "ab", "model": MODEL, "probabilities": HALF, "users": USERS, "signals": THUMBS}
        return lambda: RoutedUse.of(**{**whole, **changed})

    def effects(signal: str = "thumb", **changed: Any) -> Any:
        return lambda: signal_effects(of(**changed)(), signal)

    fine = read("")
    demo = '[[model]]\nname = "three"\nbackend = "demo"\nmanner = "terse"\n'
    told = TWO.replace('"two"\n', '"two"\nsystem_prompt = "Be brief."\n')
    by_env = '[[routed.keys]]\nname = "ada"\nkey_env = "ADA_KEY"\n'
    held, harmed, empty, one_user = (given.new() for _ in range(4))
    open_log = UseLog(held)
    for place, users in ((harmed, "uv"), (one_user, "uu")):
        with UseLog(place) as log:
            log.put("draws", number=1, policy={}, probabilities={"one": 0.5, "two": 0.5})
            for i, user in enumerate(users):
                known = {"id": f"c{i}", "key": "k", "user": user, "thread": "t"}
                log.put("conversation", **known, draw=1, model="one")
                log.put("signals", conversation=f"c{i}", values={"thumb": 1.0})
    events = harmed / USE / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b'"draw":1', b'"draw":2'))
    file = given.new() / "file"
    file.write_text("")

    def released() -> None:
        open_log.close()
        UseLog(held).close()

    def moved() -> None:
        (harmed / USE).rename(harmed / "before")
        UseLog(harmed).close()

    return [
        (effects("copied"), effects("thumb")),
        (effects("cost"), effects("thumb")),
        (effects(users=["u"] * 4), effects()),
        (of(probabilities=[HALF, HALF]), of(probabilities=[HALF, HALF], draw=[0, 1, 0, 1])),
        (of(models="abc"), of()),
        (of(probabilities=[1.0, 0.0]), of()),
        (of(users="uv"), of()),
        (of(signals={"likes": THUMBS["thumb"]}), of()),
        (of(signals={"edit": [np.inf, 0, 0, 0]}), of(signals={"edit": [np.nan, 0, 0, 0]})),
        (read('models = ["on"]'), read('models = ["one"]')),
        (read(share), read(share, models=public + TWO)),
        (read("", models=TWO + demo), read('models = ["one", "two"]', models=TWO + demo)),
        (read("", models=told), read('models = ["one"]', models=told)),
        (read('policy = "shares"'), read('policy = "shares"\nshares = { one = 1, two = 3 }')),
        (read("shares = { one = 1, two = 3 }"), fine),
        (read('policy = "tompson"'), read('policy = "thompson"')),
        (read("", keys=KEYS + KEYS), fine),
        (read("", keys=KEYS + 'key_env = "ADA_KEY"\n'), fine),
        (read("", keys=by_env, key=SHORT), read("", keys=by_env)),
        (lambda: routed_use(empty), lambda: signal_effects(of()(), "thumb")),
        (lambda: UseLog(held), released),
        (lambda: UseLog(harmed), moved),
        (lambda: UseLog(file), lambda: UseLog(file.parent / "store").close()),
        (command("effects", one_user), effects()),
    ]

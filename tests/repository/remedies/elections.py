"""Elections of PrefLib: what is refused, and the remedy."""

from typing import Any

import agon as ag
from tests.repository.remedies.steps import Case, Given

HEAD = "# NUMBER ALTERNATIVES: 2\n# NUMBER VOTERS: 3\n# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n"
GOOD = HEAD + "2: 1,2\n1: 2,1\n"
OLD = "2\n1,ada\n2,bob\n3,3,2\n2,1,2\n1,2,1\n"


def cases(given: Given) -> list[Case]:
    """Its cases."""

    def election(text: str | bytes, ending: str = "soi", **options: Any) -> Any:
        path = given.file(text, f"election.{ending}")
        return lambda: ag.preflib(path, **options)

    right = election(GOOD)
    folder = given.folder
    return [
        # elections
        (election(GOOD, "txt"), right, 3),
        (lambda: ag.preflib(folder / "none.soi"), right, 3),
        (election(GOOD.replace("ALTERNATIVES: 2", "ALTERNATIVES: 3")), right, 3),
        (election(""), right, 3),
        (election("hello\n"), right, 3),
        (election(OLD.replace("3,3,2", "3,3")), election(OLD), 3),
        (election(OLD.replace("1,ada", "ada")), election(OLD), 3),
        (election(GOOD.replace(": bob", ": ")), right, 3),
        (election(GOOD.replace("NAME 2", "NAME 1")), right, 3),
        (election(GOOD.replace("VOTERS: 3", "VOTERS: x")), right, 3),
        (election(GOOD.replace("1: 2,1", "2,1")), right, 3),
        (election(GOOD.replace("1: 2,1", "1: {2,1")), right, 3),
        (election(GOOD.replace("1: 2,1", "1: bob,1")), right, 3),
        (election(HEAD), right, 3),
        (election(GOOD.replace("1: 2,1", "1: 2,7")), right, 3),
        (election(GOOD.replace("1: 2,1", "1: 2,2")), right, 3),
        (
            election(GOOD.replace("1: 2,1", "1: {2,1}"), "soc"),
            election(GOOD.replace("1: 2,1", "1: {2,1}"), "toc"),
            3,
        ),
        (election(GOOD.replace("1: 2,1", "1: 2"), "soc"), election(GOOD.replace("1: 2,1", "1: 2"), "soi"), 3),
        (election(GOOD.replace("bob", "blank")), election(GOOD.replace("bob", "blank"), absent="keep"), 3),
        (election(HEAD + "3: 1\n"), election(HEAD + "3: 1\n", absent="keep"), 3),
        (election(HEAD.replace("bob", "blank") + "3: 2\n", absent="drop"), right, 3),
        (election(GOOD.replace("ada", "ad\u00e9").encode("latin-1")), right, 3),
    ]

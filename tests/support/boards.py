"""A small world for the tests of the leaderboard page: four models, their votes, and a reader of pages."""

import json
from html.parser import HTMLParser

from agon.arena.core.endings import AnswerEndings
from agon.arena.core.roster import ModelCard
from agon.arena.web.layout import ARENA
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.page import leaderboard_html
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About
from agon.ranking import Comparisons, rank

SETTINGS = {"scale": "elo", "min_votes": 30, "interval": "sandwich", "votes": 9, "version": "1"}
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The tags of a page, checked to nest; the text without scripts; and the data in scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words, self.data = [], [], [], {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and self.get_starttag_text()[-2] != "/":
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script":
            self.data[attributes.get("id")] = json.loads(data)
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def named(self, tag, **wanted):
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [a for t, a in self.tags if t == tag and wanted.items() <= a.items()]


def votes_of(*results, models, times=20):
    """Comparisons from (i, j, share of i): 1 a win, 0 a loss, 0.5 a tie; each so many times."""
    rows = [result for result in results for _ in range(times)]
    places = {1: [1, 2], 0: [2, 1], 0.5: [1, 1]}
    return Comparisons.of(models, [[i, j] for i, j, _ in rows], [places[share] for _, _, share in rows])


def world():
    """Ann and Bob beat one another equally often and both beat Cy three times in four; Di has four votes."""
    rounds = [(0, 1, 1), (0, 1, 0), *[(0, 2, 1), (1, 2, 1)] * 3, (0, 2, 0), (1, 2, 0)]
    rows = [vote for vote in rounds for _ in range(20)] + [(3, 2, 1)] * 3 + [(3, 2, 0)]
    return votes_of(*rows, models=["ann", "bob", "cy", "di"], times=1)


VOTES = world()
BOARD = rank(VOTES)
INFO = ModelInfo(
    {"ann": ModelCard("ann", "Ann 2", "Norrland Lab", "open weights", 0.6)},
    AnswerEndings(
        [
            ("ann", None, 996),
            ("ann", "timeout", 4),
            ("bob", None, 2999),
            ("bob", "empty", 1),
            ("bob", "rejected", 9),
        ]
    ),
)


def page_of(board, total=1, info=None, *, words=("LOG",), unit="blind vote", notice=None, **more):
    """The leaderboard page of an arena with a board."""
    about = About(words, unit, total, info or ModelInfo(), notice=notice, site=ARENA)
    return leaderboard_html(board, about=about, **more)


ABOUT = About(("LOG",), "blind vote", 3, site=ARENA)
OFFER = Offer({"category": {"Code": 60, "Writing & co": 144}, "language": {"de": 12, "en": 80}})
HTML = page_of(BOARD, 1204, INFO, pairs=VOTES.pairs, offer=OFFER, notice="A demonstration.")

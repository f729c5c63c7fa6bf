"""Numbers in, leaderboards out: no files, no web, no database.

Start with `rank(votes, "bradley_terry")`; `METHODS` lists every method, and `data.comparisons` reads
votes from files. The errors are drawn as a tree in `ranking.errors`.
"""

from ranking import bradley_terry as _bradley_terry
from ranking import elimination as _elimination
from ranking import elo as _elo
from ranking import kemeny as _kemeny
from ranking import lottery as _lottery
from ranking import majority as _majority
from ranking import positional as _positional
from ranking import score_rules as _score_rules
from ranking import win_rate as _win_rate
from ranking.ballots import Ballots
from ranking.boards import agreement, rank, rank_all
from ranking.comparisons import Battles, Comparisons
from ranking.counts import PairCounts
from ranking.errors import (
    AgonError,
    ConvergenceError,
    InputError,
    MethodError,
    OptionError,
    SourceError,
    VotesError,
)
from ranking.leaderboard import Difference, Leaderboard, Row, boards_to_json
from ranking.registry import METHODS, Method, method
from ranking.results import Choice, Diagnostic, Fit, Scores
from ranking.score_table import ScoreTable
from ranking.settings import Settings
from ranking.simulate import World, bradley_terry_world

__all__ = [
    "METHODS",
    "AgonError",
    "Ballots",
    "Battles",
    "Choice",
    "Comparisons",
    "ConvergenceError",
    "Diagnostic",
    "Difference",
    "Fit",
    "InputError",
    "Leaderboard",
    "Method",
    "MethodError",
    "OptionError",
    "PairCounts",
    "Row",
    "ScoreTable",
    "Scores",
    "Settings",
    "SourceError",
    "VotesError",
    "World",
    "agreement",
    "boards_to_json",
    "bradley_terry_world",
    "method",
    "rank",
    "rank_all",
]

del _bradley_terry, _elimination, _elo, _kemeny, _lottery, _majority, _positional, _score_rules, _win_rate

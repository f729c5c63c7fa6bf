"""Numbers in, leaderboards out: no files, no web, no database.

Start with `rank(votes, "bradley_terry")`; `METHODS` lists every method, and `data.comparisons` reads
votes from files. The errors are drawn as a tree in `ranking.errors`.
"""

from ranking import aggregators as _aggregators
from ranking import bradley_terry as _bradley_terry
from ranking import elimination as _elimination
from ranking import elo as _elo
from ranking import kemeny as _kemeny
from ranking import kwise_bayes as _kwise_bayes
from ranking import lottery as _lottery
from ranking import majority as _majority
from ranking import newman as _newman
from ranking import plackett_luce as _plackett_luce
from ranking import positional as _positional
from ranking import ridge as _ridge
from ranking import robust as _robust
from ranking import score_rules as _score_rules
from ranking import spectral as _spectral
from ranking import style_control as _style_control
from ranking import thurstone as _thurstone
from ranking import ties as _ties
from ranking import weng_lin as _weng_lin
from ranking import win_rate as _win_rate
from ranking.axioms import axioms
from ranking.ballots import Ballots
from ranking.boards import agreement, rank, rank_all
from ranking.committees import committee
from ranking.comparisons import Battles, Comparisons
from ranking.counts import PairCounts
from ranking.cycles import cycles
from ranking.cyclic_share import CyclicShare, cyclic_share
from ranking.differences import Difference
from ranking.errors import (
    AgonError,
    ConvergenceError,
    InputError,
    MethodError,
    OptionError,
    SourceError,
    VotesError,
)
from ranking.flips import flip_votes, flips
from ranking.irrelevance import iia_score
from ranking.krippendorff import VoterAgreement, krippendorff_alpha, voter_agreement
from ranking.leaderboard import Leaderboard, Row, boards_to_json
from ranking.lens import Lens, lens
from ranking.order_effect import OrderEffect, order_effect
from ranking.plots import win_rate_map
from ranking.probabilities import bootstrap_all
from ranking.prospective import prospective, prospects
from ranking.registry import METHODS, Method, method
from ranking.representation import representation
from ranking.results import Choice, Coefficient, Diagnostic, Fit, Scores
from ranking.robust import SuspectPair, suspect_pairs
from ranking.score_table import ScoreTable
from ranking.settings import Settings
from ranking.simulate import World, bradley_terry_world
from ranking.task_flips import flip_tasks
from ranking.tiers import Breakdown, Tiers, breakdown, tiers
from ranking.voters import Reliability, Voter, carried_by_one, majority_is_optimal, voter_reliability

__all__ = [
    "METHODS",
    "AgonError",
    "Ballots",
    "Battles",
    "Breakdown",
    "Choice",
    "Coefficient",
    "Comparisons",
    "ConvergenceError",
    "CyclicShare",
    "Diagnostic",
    "Difference",
    "Fit",
    "InputError",
    "Leaderboard",
    "Lens",
    "Method",
    "MethodError",
    "OptionError",
    "OrderEffect",
    "PairCounts",
    "Reliability",
    "Row",
    "ScoreTable",
    "Scores",
    "Settings",
    "SourceError",
    "SuspectPair",
    "Tiers",
    "Voter",
    "VoterAgreement",
    "VotesError",
    "World",
    "agreement",
    "axioms",
    "boards_to_json",
    "bootstrap_all",
    "bradley_terry_world",
    "breakdown",
    "carried_by_one",
    "committee",
    "cycles",
    "cyclic_share",
    "flip_tasks",
    "flip_votes",
    "flips",
    "iia_score",
    "krippendorff_alpha",
    "lens",
    "majority_is_optimal",
    "method",
    "order_effect",
    "prospective",
    "prospects",
    "rank",
    "rank_all",
    "representation",
    "suspect_pairs",
    "tiers",
    "voter_agreement",
    "voter_reliability",
    "win_rate_map",
]

del (
    _aggregators,
    _bradley_terry,
    _elimination,
    _elo,
    _kemeny,
    _kwise_bayes,
    _lottery,
    _majority,
    _newman,
    _plackett_luce,
    _positional,
    _ridge,
    _robust,
    _score_rules,
    _spectral,
    _thurstone,
    _ties,
    _style_control,
    _weng_lin,
    _win_rate,
)

"""Numbers in, leaderboards out: no files, no web, no database.

Start with `rank(votes, "bradley_terry")`; `METHODS` lists every method, and `data.comparisons` reads
votes from files. The errors are drawn as a tree in `ranking.errors`.
"""

if __name__ == "ranking":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("ranking is imported as agon.ranking now: from agon.ranking import ...")

from typing import Any as _Any
from warnings import warn as _warn

from agon.ranking import methods as _methods
from agon.ranking.analysis.axiom_violations import axioms
from agon.ranking.analysis.condorcet_cycles import majority_cycles
from agon.ranking.analysis.hodge_rank import Intransitivity, intransitivity
from agon.ranking.analysis.iia import iia_score
from agon.ranking.analysis.multiwinner import committee
from agon.ranking.analysis.rank_correlation import agreement
from agon.ranking.analysis.representation import justified_representation
from agon.ranking.analysis.robust_consensus import BreakdownPoint, Tiers, breakdown_point, tiers
from agon.ranking.analysis.rule_comparison import RuleComparison, compare_rules
from agon.ranking.analysis.rule_probabilities import winner_probabilities
from agon.ranking.analysis.task_weights import prospective, prospects
from agon.ranking.analysis.victory_margins import (
    margin_of_victory,
    margins_of_victory,
    task_margin_of_victory,
)
from agon.ranking.annotators.anonymity import AnonymityTest, anonymity_test
from agon.ranking.annotators.gates import GatedVotes, gate_votes
from agon.ranking.annotators.inter_rater import (
    InterAnnotatorAgreement,
    inter_annotator_agreement,
    krippendorff_alpha,
)
from agon.ranking.annotators.panel_decision import PanelLead, panel_lead
from agon.ranking.annotators.presentation_order import PositionBias, position_bias
from agon.ranking.annotators.reliability import Reliability, Voter, majority_is_optimal, voter_reliability
from agon.ranking.annotators.same_model import AATest, aa_test
from agon.ranking.annotators.sybil_networks import NetworkScan, NetworkVoters
from agon.ranking.annotators.unusual_voters import VoterAnomalies, VoterAnomaly, voter_anomalies
from agon.ranking.annotators.window_scan import WindowAnomaly, WindowScan
from agon.ranking.annotators.withdrawals import WithdrawalTest, withdrawal_test
from agon.ranking.attacks import add_attack
from agon.ranking.errors import (
    AgonError,
    ConvergenceError,
    InputError,
    MethodError,
    OptionError,
    SourceError,
    VotesError,
)
from agon.ranking.figures.svg import to_svg
from agon.ranking.figures.win_rates import win_rate_map
from agon.ranking.inference.difference import Difference
from agon.ranking.inference.winners_curse import Winner
from agon.ranking.judges.audit import audit_judge
from agon.ranking.judges.audit_result import AuditLimits, AuditMeasure, JudgeAudit
from agon.ranking.judges.pair_verdicts import PairVerdicts
from agon.ranking.judges.predicted_ratings import PredictedRating, PredictedRatings, predict_ratings
from agon.ranking.judges.vote_routing import RoutedComparison, VoteRoute, route_votes
from agon.ranking.leaderboard.board_change import BoardChange
from agon.ranking.leaderboard.conclusions import Lead
from agon.ranking.leaderboard.decision import Candidate, Decision, decide
from agon.ranking.leaderboard.leaderboard import (
    Leaderboard,
    WinProbability,
    boards_from_json,
    boards_to_json,
)
from agon.ranking.leaderboard.notes import single_voter_dominance
from agon.ranking.leaderboard.ranking import rank, rank_all
from agon.ranking.leaderboard.row import Row
from agon.ranking.leaderboard.subgroups import GroupedBoards, rank_by
from agon.ranking.leaderboard.vote_planning import OpenPair, VotePlan, open_pairs, plan_votes
from agon.ranking.methods.likelihood.robust_bradley_terry import OutlierPair, outlier_pairs
from agon.ranking.prediction.general_preferences import PreferenceEmbedding, preference_embedding
from agon.ranking.prediction.method_scores import MethodComparison, MethodScore, compare_methods
from agon.ranking.registry import METHODS, Method, method
from agon.ranking.results import Choice, Coefficient, Diagnostic, Fit, Scores
from agon.ranking.routed.effect_estimates import ModelEffect, SignalEffects, signal_effects
from agon.ranking.routed.routed_use import RoutedUse
from agon.ranking.settings import Settings
from agon.ranking.simulate import World, bradley_terry_world
from agon.ranking.tastes.personal import PersonalBoard, contested_pairs, personal_board, weigh_voters
from agon.ranking.tastes.prompt_route import PromptRoute, route_prompt
from agon.ranking.tastes.topic_head import PromptBoard, PromptBoards, prompt_boards
from agon.ranking.tastes.topics import Topic, TopicBoards, topic_boards
from agon.ranking.tastes.voter_kinds import KindOfVoters, KindsTried, Tastes, voter_tastes
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles

__all__ = [
    "METHODS",
    "AATest",
    "AgonError",
    "AnonymityTest",
    "AuditLimits",
    "AuditMeasure",
    "Ballots",
    "Battles",
    "BoardChange",
    "BreakdownPoint",
    "Candidate",
    "Choice",
    "Coefficient",
    "Comparisons",
    "ConvergenceError",
    "Decision",
    "Diagnostic",
    "Difference",
    "Fit",
    "GatedVotes",
    "GroupedBoards",
    "InputError",
    "InterAnnotatorAgreement",
    "Intransitivity",
    "JudgeAudit",
    "KindOfVoters",
    "KindsTried",
    "Lead",
    "Leaderboard",
    "Method",
    "MethodComparison",
    "MethodError",
    "MethodScore",
    "ModelEffect",
    "NetworkScan",
    "NetworkVoters",
    "OpenPair",
    "OptionError",
    "OutlierPair",
    "PairCounts",
    "PairVerdicts",
    "PanelLead",
    "PersonalBoard",
    "PositionBias",
    "PredictedRating",
    "PredictedRatings",
    "PreferenceEmbedding",
    "PromptBoard",
    "PromptBoards",
    "PromptRoute",
    "Reliability",
    "RoutedComparison",
    "RoutedUse",
    "Row",
    "RuleComparison",
    "ScoreTable",
    "Scores",
    "Settings",
    "SignalEffects",
    "SourceError",
    "Tastes",
    "Tiers",
    "Topic",
    "TopicBoards",
    "VotePlan",
    "VoteRoute",
    "Voter",
    "VoterAnomalies",
    "VoterAnomaly",
    "VotesError",
    "WinProbability",
    "WindowAnomaly",
    "WindowScan",
    "Winner",
    "WithdrawalTest",
    "World",
    "aa_test",
    "add_attack",
    "agreement",
    "anonymity_test",
    "audit_judge",
    "axioms",
    "boards_from_json",
    "boards_to_json",
    "bradley_terry_world",
    "breakdown_point",
    "committee",
    "compare_methods",
    "compare_rules",
    "contested_pairs",
    "decide",
    "gate_votes",
    "iia_score",
    "inter_annotator_agreement",
    "intransitivity",
    "justified_representation",
    "krippendorff_alpha",
    "majority_cycles",
    "majority_is_optimal",
    "margin_of_victory",
    "margins_of_victory",
    "method",
    "open_pairs",
    "outlier_pairs",
    "panel_lead",
    "personal_board",
    "plan_votes",
    "position_bias",
    "predict_ratings",
    "preference_embedding",
    "prompt_boards",
    "prospective",
    "prospects",
    "rank",
    "rank_all",
    "rank_by",
    "route_prompt",
    "route_votes",
    "signal_effects",
    "single_voter_dominance",
    "task_margin_of_victory",
    "tiers",
    "to_svg",
    "topic_boards",
    "voter_anomalies",
    "voter_reliability",
    "voter_tastes",
    "weigh_voters",
    "win_rate_map",
    "winner_probabilities",
    "withdrawal_test",
]

_RENAMED = {  # for one release
    "CyclicShare": "Intransitivity",
    "Breakdown": "BreakdownPoint",
    "Lens": "RuleComparison",
    "OrderEffect": "PositionBias",
    "SuspectPair": "OutlierPair",
    "VoterAgreement": "InterAnnotatorAgreement",
    "bootstrap_all": "winner_probabilities",
    "breakdown": "breakdown_point",
    "carried_by_one": "single_voter_dominance",
    "cycles": "majority_cycles",
    "cyclic_share": "intransitivity",
    "flip_tasks": "task_margin_of_victory",
    "flip_votes": "margin_of_victory",
    "flips": "margins_of_victory",
    "lens": "compare_rules",
    "order_effect": "position_bias",
    "representation": "justified_representation",
    "suspect_pairs": "outlier_pairs",
    "voter_agreement": "inter_annotator_agreement",
}


def __getattr__(name: str) -> _Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _warn(f"{name} is called {_RENAMED[name]} now.", DeprecationWarning, stacklevel=2)
    return globals()[_RENAMED[name]]


del _methods

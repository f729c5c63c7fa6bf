"""The fields of a board in JSON, in order, as design.md has them: written down once, away from the code."""

ROW = ["model", "rank", "score", "lower", "upper", "rank_lower", "rank_upper", "votes", "status", "p_first"]
NOTE = ["code", "models", "message"]
BOARD = [
    "method",
    "settings",
    "level",
    "rank_method",
    "by",
    "counted",
    "fingerprint",
    "head",
    "diagnostics",
    "models",
    "lead",
    "winner",
    "coefficients",
]

"""When a panel has decided: both conditions by another calculation, and what it says of itself."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logit

from agon.ranking import Comparisons, OptionError, SourceError, panel_lead


def panel(wins, each=30):
    """Votes of voters who let the first of two models win so many of theirs."""
    rows = [(v, (1, 2) if k < won else (2, 1)) for v, won in enumerate(wins) for k in range(each)]
    return Comparisons.of(
        "ab", [(0, 1)] * len(rows), [places for _, places in rows], labels={"voter": [v for v, _ in rows]}
    )


def by_voters(wins, each=30):
    """Student's t of the voters' mean share, taken to log-odds by the delta method."""
    share = np.array(wins) / each
    error = share.std(ddof=1) / np.sqrt(len(wins)) / (share.mean() * (1 - share.mean()))
    return 2 * stats.t.sf(abs(logit(share.mean())) / error, len(wins) - 1)


@pytest.mark.parametrize(
    "wins",
    [(24, 23, 25, 22, 24), (24, 18, 26, 21, 25), (29, 12, 29, 16, 28), (20, 22, 21, 19, 20), (27, 27, 9)],
)
def test_it_takes_the_votes_and_the_voters(wins):
    """The votes by the mixture of likelihood ratios, integrated numerically, and the voters by the t test."""
    n, won = 30 * len(wins), sum(wins)
    error = 1 / np.sqrt(n * won / n * (1 - won / n))
    prior = error * np.sqrt(n / 10)  # as much as ten votes hold
    effect = np.linspace(0, 12 * prior, 200_001)
    likelihood = stats.norm.pdf(logit(won / n), effect, error) / stats.norm.pdf(logit(won / n), 0, error)
    evidence = np.trapezoid(likelihood * 2 * stats.norm.pdf(effect, 0, prior), effect)
    found = panel_lead(panel(wins))
    assert found.by_votes == bool(evidence >= 40)
    assert found.by_voters == bool(by_voters(wins) <= 0.05 / 4)
    assert found.certain == (found.by_votes and found.by_voters)
    assert (found.model, found.voters, found.votes) == ("a", len(wins), n)


def test_what_is_missing_is_said():
    assert panel_lead(panel((24, 23, 25, 22, 24))).conclusion() == (
        "a leads 1 other at 95% by 150 votes of 5 voters, however often one looked."
    )
    assert "differ too much" in panel_lead(panel((29, 12, 29, 16, 28))).conclusion()
    assert "too few to tell" in panel_lead(panel((16, 17, 16, 18, 17))).conclusion()
    assert "one voter alone cannot tell" in panel_lead(panel((29,))).conclusion()
    assert panel_lead(panel((5, 6), each=9)).conclusion() == (
        "Nothing is decided: 18 votes of 2 voters are fewer than the 30 from which on a model is ranked."
    )
    early = panel_lead(panel((24, 23, 25, 22, 24)), panel=6)
    assert not early.certain
    assert "5 of 6 voters have voted" in early.conclusion()


def test_who_is_never_voted_against_needs_no_t():
    assert panel_lead(panel((30, 30, 30))).certain
    assert not panel_lead(panel((30, 30))).certain
    assert not panel_lead(panel((9, 9, 9), each=9)).by_votes


def test_bad_questions():
    with pytest.raises(SourceError, match="no column 'voter'"):
        panel_lead(Comparisons.from_counts("ab", [[0, 30], [9, 0]]))
    with pytest.raises(OptionError, match="panel be at least 1"):
        panel_lead(panel((24, 23)), panel=0)

"""The schedule of a study, by what it must hold whatever is asked for: counted here, not by the schedule."""

from collections import Counter
from itertools import combinations
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.block_design import StudyCell, schedule, study_cells


@st.composite
def studies(draw):
    models = draw(st.integers(2, 5))
    size = draw(st.integers(2, min(4, models)))
    groups = draw(st.none() | st.integers(1, comb(models, size)))
    cells = study_cells(draw(st.integers(1, 14)), models, size, groups=groups, seed=draw(st.integers(0, 9)))
    voters = draw(st.integers(1, 7))
    return cells, voters, draw(st.integers(1, voters)), draw(st.integers(0, 99))


def spread(counts, keys):
    """The largest minus the smallest of the counts of all keys."""
    found = [counts[key] for key in keys]
    return max(found) - min(found)


@settings(deadline=None, max_examples=150)
@given(studies())
def test_every_cell_once_for_its_voters_and_orders_in_balance(study):
    cells, voters, overlap, seed = study
    plan = schedule(cells, voters, overlap, seed=seed)
    assert plan == schedule(cells, voters, overlap, seed=seed)
    assert len(plan) == voters
    asked = [(voter, one) for voter, own in enumerate(plan) for one in own]
    assert Counter(one.cell for _, one in asked) == dict.fromkeys(range(len(cells)), overlap)
    assert max(Counter((voter, one.cell) for voter, one in asked).values()) == 1
    assert max(map(len, plan)) - min(map(len, plan)) <= 1
    for _, one in asked:
        assert tuple(sorted(one.order)) == cells[one.cell].group

    def balanced(key):
        """In each set, each model of its one group has each place equally often, up to one."""
        sets = {}
        for voter, one in asked:
            sets.setdefault(key(voter, one), []).append(one)
        for own in sets.values():
            group = cells[own[0].cell].group
            counts = Counter((one.order[slot], slot) for one in own for slot in range(len(group)))
            for model in group:
                assert spread(counts, [(model, slot) for slot in range(len(group))]) <= 1

    balanced(lambda voter, one: ("cell", one.cell))
    balanced(lambda voter, one: ("voter on a group", voter, cells[one.cell].group))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(1, 8), st.data())
def test_two_models_stand_left_as_often_as_right_for_each_voter_and_prompt(prompts, voters, data):
    overlap = data.draw(st.integers(1, voters))
    cells = study_cells(prompts, 2, 2)
    plan = schedule(cells, voters, overlap, seed=data.draw(st.integers(0, 99)))
    for own in plan:
        assert abs(sum(1 if one.order == (0, 1) else -1 for one in own)) <= 1
    for cell in range(prompts):
        orders = [one.order for own in plan for one in own if one.cell == cell]
        assert abs(orders.count((0, 1)) - orders.count((1, 0))) <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(2, 6), st.data())
def test_groups_are_dealt_evenly_to_prompts(prompts, models, data):
    size = data.draw(st.integers(2, models))
    groups = data.draw(st.integers(1, comb(models, size)))
    cells = study_cells(prompts, models, size, groups=groups, seed=data.draw(st.integers(0, 9)))
    assert Counter(cell.prompt for cell in cells) == dict.fromkeys(range(prompts), groups)
    assert len(set(cells)) == len(cells)
    times = Counter(cell.group for cell in cells)
    assert spread(times, combinations(range(models), size)) <= 1


def test_all_groups_of_every_prompt():
    assert study_cells(2, 3, 2) == tuple(
        StudyCell(prompt, group) for prompt in (0, 1) for group in ((0, 1), (0, 2), (1, 2))
    )


def test_who_judges_together_varies():
    """Of 5 voters on cells of 2, all 10 pairs of voters meet: agreement is not that of neighbours alone."""
    plan = schedule(study_cells(60, 2, 2), 5, 2)
    own = [{one.cell for one in voter} for voter in plan]
    assert all(own[i] & own[j] for i, j in combinations(range(5), 2))


def test_what_cannot_be_scheduled_is_refused():
    with pytest.raises(OptionError, match="An overlap of 4 needs as many voters, and there are 3"):
        schedule(study_cells(2, 2, 2), 3, 4)
    with pytest.raises(OptionError, match="A group of 3 cannot be made of 2 models"):
        study_cells(2, 2, 3)
    with pytest.raises(OptionError, match="There are 3 groups of 2 among 3 models, so not 4 a prompt"):
        study_cells(2, 3, 2, groups=4)

"""Every remedy that Agon can print is followed here, and what comes of it is not worse.

The messages are collected from the code (`remedies/messages.py`): sentences that tell what to do. A case
provokes one by a real call or command, follows what it says and looks at the result; it stands in the file of
its area in `remedies`. A provoked text belongs to the template that says most of it, so that "There is no {}
{}; {}" is not taken for followed by what fits a longer sentence.
"""

from collections import Counter
from typing import Any, NamedTuple

import pytest

from agon.ranking.errors import suggest
from tests.repository import test_beginner_mistakes as beginners
from tests.repository.remedies import (
    analyses,
    boards,
    commands,
    elections,
    exports,
    files,
    logs,
    serving,
    tables,
    words,
)
from tests.repository.remedies.messages import Template, met, templates
from tests.repository.remedies.steps import Given, counted, said
from tests.support.paths import REPOSITORY

AREAS = (analyses, boards, tables, elections, files, logs, exports, commands, serving)
# Followed by another test, for it needs a process, a page or a file of its own.
ELSEWHERE = {
    "arena/core/answer_sets.py": ("tests/arena/cli/test_generate.py", 3),
    "arena/web/middleware.py": ("tests/arena/web/test_behind_a_proxy.py", 2),
}
# Messages that nothing here provokes, by file: a number may only become smaller.
UNFOLLOWED = {
    "arena/cli/arguments.py": 3,
    "arena/cli/commands.py": 2,
    "arena/cli/diff.py": 1,
    "arena/cli/doctor.py": 4,
    "arena/cli/explain/command.py": 1,
    "arena/cli/output/tables.py": 1,
    "arena/cli/rank.py": 1,
    "arena/core/arena.py": 3,
    "arena/core/sessions.py": 2,
    "arena/setup/config.py": 1,
    "arena/setup/openai_models.py": 2,
    "arena/web/app.py": 1,
    "arena/web/server.py": 3,
    "data/exporters/chosen_votes.py": 2,
    "data/exporters/exporting.py": 1,
    "data/exporters/preflib_election.py": 2,
    "data/exporters/targets.py": 1,
    "data/files/benchmarks/helm.py": 1,
    "data/files/benchmarks/reports.py": 3,
    "data/files/covariates.py": 3,
    "data/files/detection.py": 2,
    "data/files/duplicates.py": 3,
    "data/files/reader.py": 5,
    "data/files/score_tables.py": 3,
    "data/files/snapshot_folder.py": 1,
    "data/files/source.py": 3,
    "data/files/table_source.py": 2,
    "data/importers/formats.py": 1,
    "data/importers/judges/grades.py": 1,
    "data/importers/published.py": 6,
    "data/importers/recorded_answers.py": 5,
    "data/log/database.py": 5,
    "data/log/index.py": 1,
    "data/log/log_frames.py": 1,
    "data/log/migrations.py": 2,
    "data/log/records.py": 1,
    "data/log/source.py": 3,
    "data/log/vote_log.py": 2,
    "data/log/writer.py": 1,
    "data/reading.py": 2,
    "data/validation.py": 1,
    "ranking/analysis/iia.py": 1,
    "ranking/analysis/perturbation.py": 1,
    "ranking/analysis/task_weights.py": 2,
    "ranking/inference/sandwich.py": 1,
    "ranking/leaderboard/estimates.py": 1,
    "ranking/leaderboard/notes.py": 4,
    "ranking/leaderboard/ranking.py": 1,
    "ranking/methods/likelihood/choice_counts.py": 1,
    "ranking/methods/likelihood/davidson_luce.py": 1,
    "ranking/methods/likelihood/graded_bradley_terry.py": 1,
    "ranking/methods/likelihood/plackett_luce.py": 1,
    "ranking/methods/likelihood/style_control.py": 2,
    "ranking/methods/online/elo.py": 1,
    "ranking/methods/online/permutations.py": 1,
    "ranking/methods/online/whole_history_rating.py": 2,
    "ranking/methods/social_choice/cardinal.py": 1,
    "ranking/methods/social_choice/kemeny.py": 1,
    "ranking/methods/social_choice/maximal_lotteries.py": 1,
    "ranking/methods/social_choice/rank_positions.py": 1,
    "ranking/settings.py": 1,
    "ranking/votes/array_source.py": 1,
    "ranking/votes/concatenated_source.py": 1,
    "ranking/votes/pair_counts.py": 1,
    "serving/demo.py": 1,
}


class Followed(NamedTuple):
    """What was provoked, and what was not as it should be."""

    seen: frozenset[Template]
    wrong: tuple[str, ...]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Every case, once."""
    seen: set[Template] = set()
    wrong = []
    folder = tmp_path_factory.mktemp("meant")
    for word, right, call in words.meant(folder):
        text = said(lambda call=call, word=word: call(word)) or ""
        seen |= set(met(text))
        if f"did you mean {right!r}" not in text:
            wrong.append(f"{word!r} is not answered with {right!r}: {text}")
        elif refusal := said(lambda call=call, right=right: call(right)):
            wrong.append(f"{right!r}, which was suggested for {word!r}, is refused: {refusal}")
    given = Given(tmp_path_factory.mktemp("given"))
    for number, (call, remedy, *votes) in enumerate(one for area in AREAS for one in area.cases(given)):
        text = said(call)
        if text is None or not (there := met(text)):
            wrong.append(f"case {number} gives no remedy: {text}")
            continue
        seen |= set(there)
        kept: list[Any] = []
        if refusal := said(lambda remedy=remedy, kept=kept: kept.append(remedy())):
            wrong.append(f"the remedy of {text!r} is refused: {refusal}")
        elif votes and counted(kept[0]) != votes[0]:
            wrong.append(f"the remedy of {text!r} counts {counted(kept[0])} votes of {votes[0]}")
    for mistake in beginners.mistakes(tmp_path_factory.mktemp("mistakes")):  # followed there
        seen |= set(met(said(mistake.wrong) or ""))
    return Followed(frozenset(seen), tuple(wrong))


@pytest.mark.slow
def test_a_text_belongs_to_the_sentence_that_says_most_of_it():
    """`suggest` ends many sentences; one of them is never taken for another."""
    text = f"There is no model 'adaa' among the votes; {suggest('adaa', ['ada'])}"
    (one,) = met(text)
    assert "among the votes" in one.text
    assert not met("Nothing here tells what to do.")


@pytest.mark.slow
def test_every_remedy_that_is_followed_leads_to_something_not_worse(done):
    assert not done.wrong, "\n".join(done.wrong)


@pytest.mark.slow
def test_no_message_with_a_remedy_is_added_without_a_case(done):
    """Messages without a case, by file, are not more than they were."""
    left = [one for one in templates() if one not in done.seen]
    count = Counter(one.file for one in left)
    for name, (test, number) in ELSEWHERE.items():
        assert (REPOSITORY / test).exists()
        count[name] -= number
    more = {name for name, number in count.items() if number > UNFOLLOWED.get(name, 0)}
    assert not more, "follow these remedies in a case:\n" + "\n".join(
        f"{one.file}:{one.line}: {one.text!r}" for one in left if one.file in more
    )

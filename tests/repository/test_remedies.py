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
    methods,
    parts,
    routed,
    serving,
    studies,
    tables,
    tastes,
    words,
)
from tests.repository.remedies.messages import Template, met, templates
from tests.repository.remedies.steps import Given, counted, said
from tests.support.paths import REPOSITORY

AREAS = (
    analyses, methods, boards, tables, elections, files, logs, exports, commands, serving, studies, tastes,
    parts, routed,
)  # fmt: skip
# Followed by another test, for it needs a process, a page or a file of its own: file, test, messages.
ELSEWHERE = {
    "arena/cli/models.py": ("tests/arena/cli/test_models.py", 7),
    "arena/setup/page_table.py": ("tests/arena/setup/test_page_table.py", 1),
    "arena/setup/local_models.py": ("tests/arena/setup/test_local_models.py", 4),
    "arena/core/answer_sets.py": ("tests/arena/cli/test_generate.py", 3),
    "arena/web/middleware.py": ("tests/arena/web/test_behind_a_proxy.py", 3),  # one in test_limits.py
    "arena/core/arena.py": ("tests/arena/web/test_app.py", 4),  # images, moderation 2
    "arena/core/battles/battle_limits.py": ("tests/arena/web/test_limits.py", 4),
    "arena/core/battles/open_battles.py": ("tests/arena/shared_store/test_commands.py", 1),
    "arena/core/battles/prompt_images.py": ("tests/arena/web/battle/test_images.py", 1),
    "arena/web/leaderboard/page.py": ("tests/arena/web/leaderboard/test_page.py", 1),  # an invitation
    "arena/web/battle/view.py": ("tests/arena/web/battle/test_images.py", 1),
    "data/engines/spark.py": ("tests/data/engines/test_spark.py", 3),
    "data/log/records.py": ("tests/arena/setup/test_config.py", 1),
    "ranking/leaderboard/notes.py": ("tests/arena/cli/test_judge.py", 2),  # for one judge, and for many
    "data/engines/postgres.py": ("tests/data/engines/test_postgres.py", 4),
    "data/engines/dialects.py": ("tests/data/engines/test_postgres.py", 1),
    "data/reading.py": ("tests/data/engines/test_postgres.py", 4),  # two in test_spark.py
    "data/files/table_source.py": ("tests/data/engines/test_spark.py", 1),
    "data/files/counted_part.py": ("tests/data/exporters/test_vote_counts.py", 1),  # a later Agon
    "data/exporters/data_release.py": ("tests/arena/core/test_anonymised_release.py", 7),
    "arena/cli/files/release.py": (
        "tests/arena/core/test_anonymised_release.py",
        1,
    ),  # the command of a board
    "arena/routed/quotas.py": ("tests/arena/routed/test_use_server.py", 2),
    "arena/routed/use_app.py": ("tests/arena/routed/test_use_server.py", 3),
    "arena/routed/use_requests.py": ("tests/arena/routed/test_use_server.py", 1),
    "arena/routed/use_server.py": ("tests/arena/routed/test_use_commands.py", 3),
    "arena/core/visitors/moderation.py": ("tests/arena/core/test_moderation.py", 2),
    "arena/setup/moderation_table.py": ("tests/arena/core/test_moderation.py", 1),
    "data/log/operation/backup.py": ("tests/data/log/test_backup.py", 1),
    "data/log/hash_chain.py": ("tests/data/log/test_event_log.py", 1),
    "data/log/shared_store/opening.py": ("tests/data/log/test_shared_store.py", 3),
    "data/log/shared_store/postgres.py": ("tests/data/log/test_shared_store.py", 5),
    "data/log/shared_store/shared_record.py": ("tests/data/log/test_shared_store.py", 2),
    "arena/cli/commands.py": ("tests/arena/shared_store/test_commands.py", 1),
    "arena/cli/doctor.py": ("tests/arena/shared_store/test_commands.py", 2),
    "arena/cli/log/backup.py": ("tests/arena/shared_store/test_commands.py", 1),
    "arena/setup/config.py": ("tests/arena/shared_store/test_commands.py", 1),
    "data/log/recovery/opening.py": ("tests/data/log/test_event_log.py", 4),
    "data/log/recovery/verifying.py": ("tests/data/log/test_event_log.py", 5),  # 1 of them in test_erasing.py
    "data/log/recovery/mending.py": ("tests/data/log/test_event_log.py", 1),
    "data/log/operation/past_log.py": ("tests/arena/cli/test_verify.py", 2),
    "data/log/operation/receipts.py": ("tests/arena/cli/test_verify.py", 1),
    "arena/core/visitors/consent.py": ("tests/arena/web/test_consent.py", 2),
    "arena/core/visitors/people.py": ("tests/arena/web/test_you.py", 3),
    "arena/web/you/routes.py": ("tests/arena/web/test_you.py", 1),
    "arena/cli/rank.py": ("tests/arena/cli/test_verify.py", 1),
    "arena/core/studies/study.py": ("tests/arena/web/test_study.py", 2),
    "arena/cli/studies/command.py": ("tests/arena/cli/test_study.py", 1),
    "ranking/judges/pair_verdicts.py": ("tests/ranking/judges/test_audit.py", 3),
    "ranking/judges/sways.py": ("tests/ranking/judges/test_audit.py", 1),
    "data/files/judge_marks.py": ("tests/arena/cli/test_judge.py", 1),
    "data/judged_votes.py": ("tests/arena/cli/test_judge.py", 1),
    "arena/cli/files/judge.py": ("tests/arena/cli/test_judge.py", 4),
    "arena/setup/judge_run.py": ("tests/arena/cli/test_judge.py", 4),
    "arena/core/judging/judge_prompts.py": ("tests/arena/cli/test_judge.py", 3),
    "arena/core/judging/question_sources.py": ("tests/arena/cli/test_judge.py", 1),
    "arena/cli/files/embed.py": ("tests/arena/cli/test_route.py", 5),
    "arena/cli/tastes/route.py": ("tests/arena/cli/test_route.py", 4),
    "arena/cli/tastes/kinds.py": ("tests/arena/cli/test_route.py", 1),
    "ranking/tastes/topic_network.py": ("tests/ranking/tastes/test_topic_network.py", 1),
    "arena/web/server.py": (
        "tests/arena/core/test_arena.py",
        4,
    ),  # two in leaderboard/test_vote_choice.py, one in shared_store
    "arena/web/leaderboard/routes.py": ("tests/arena/web/api/test_api.py", 1),
    "arena/web/hosted.py": ("tests/arena/cli/test_study.py", 3),  # others in web/test_{sign_in,gradio}.py
    "arena/cli/log/invite.py": ("tests/arena/web/test_sign_in.py", 1),
    "arena/web/entrance/openid.py": ("tests/arena/web/test_accounts.py", 2),
    "arena/web/entrance/sign_in_routes.py": ("tests/arena/web/test_sign_in.py", 2),
    "arena/web/lens/decide_query.py": ("tests/arena/web/lens/test_decide_page.py", 1),
    "arena/web/lens/stability.py": ("tests/arena/web/lens/test_rules_page.py", 1),
    "arena/web/models/comparison_page.py": ("tests/arena/web/models/test_model_pages.py", 2),
    "arena/web/models/routes.py": ("tests/arena/web/models/test_model_pages.py", 1),
}
# What nothing here can provoke, by a part of its text: a number of such messages may only become smaller.
UNFOLLOWED = {
    "may not be used by this user": "root may use every port, and so may everybody in most containers",
    "The equilibrium was not found": "the programme is solved to 1e-10; 190 random profiles gave none",
    "is undecided: ": "the solver's two bounds differ; 1,700 random tables gave none",
    "found no precision in": "500 rounds of a damped iteration; 550 random profiles gave none",
    "kemeny: the solver stopped": "HiGHS itself fails; 240 random profiles gave none",
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
    """Every message has a case, here or elsewhere, or cannot be provoked."""
    known = [(part, one) for part in UNFOLLOWED for one in templates() if part in one.text]
    assert len(known) == len(UNFOLLOWED), "each is still there, once"
    allowed = done.seen | {one for _, one in known}
    left = [one for one in templates() if one not in allowed]
    count = Counter(one.file for one in left)
    for name, (test, number) in ELSEWHERE.items():
        assert (REPOSITORY / test).exists()
        count[name] -= number
    assert not +count, "follow these remedies in a case:\n" + "\n".join(
        f"{one.file}:{one.line}: {one.text!r}" for one in left if count[one.file] > 0
    )

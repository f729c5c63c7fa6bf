"""The cases of public bug reports, by path: each row of the shared README has a test with the right value.

The inputs are the files beside that README, and its server, which sends what servers were seen to send. The
right values are the README's, counted by hand or with plain Python from the files: none is Agon's own.
"""

import ast
import asyncio
import csv
import json
import re
import shutil
import subprocess
import sys

import httpx
import pytest

from agon.arena.cli.commands import main
from agon.arena.setup.config import read_configuration
from agon.data import check, comparisons, preflib
from agon.data.importers.recorded_answers import answers
from agon.ranking import rank
from agon.ranking.errors import SourceError, VotesError
from agon.ranking.votes.vote_source import OTHER_VOTERS
from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling, ServingError
from tests.support.paths import CASES, REPOSITORY

pytestmark = pytest.mark.skipif(
    not CASES.exists(), reason=f"the shared cases are not at {CASES} (AGON_CASES)"
)
ANSWER = "The answer is forty-two."


def file(name):
    return CASES / name


@pytest.fixture(scope="module")
def mock():
    """The address of the README's server."""
    command = [sys.executable, str(file("serving/mock_openai.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().split()[1]
        yield f"http://127.0.0.1:{port}/v1"
        process.kill()


def asked(address, model, times=1, **limits):
    """The last of so many generations of one of its models."""

    async def ask():
        backend = Server(address).model(model)
        try:
            for _ in range(times):
                made = await generate(
                    backend,
                    [Message("user", "What is it?")],
                    Sampling(),
                    limits=Limits(**{"first": 8, "between": 8, "total": 30} | limits),
                    on_text=lambda _: None,
                    stop=asyncio.Event(),
                )
            return made
        finally:
            await backend.close()

    return asyncio.run(ask())


# Row, model, how often asked; text, thinking (a part), failure, what the operator is told (a part).
STREAMS = [
    (1, "usage-partial", 1, ANSWER, "", None, ""),
    (3, "content-parts", 1, ANSWER, "Let me think of it. Six times seven.", None, ""),
    (4, "abort", 1, None, "", "interrupted", "abort"),
    (6, "content-filter", 1, None, "", "filtered", "filter"),
    (7, "no-finish", 1, None, "", "interrupted", "without a finish reason"),
    (8, "think-inline", 2, ANSWER, "I, Qwen3 made by Alibaba", None, ""),
    (10, "reasoning-split", 1, None, "The user asks", None, ""),
    (11, "reasoning-only", 1, None, "Hmm", "empty", "max_tokens"),
    (12, "object-error", 1, None, "", "interrupted", "KV cache is full, please retry"),
    (12, "text-error", 1, None, "", "interrupted", "NETWORK ERROR DUE TO HIGH TRAFFIC"),
    (13, "rate-in-stream", 1, None, "", "overloaded", "Rate limit reached"),
    (13, "quota-in-stream", 1, None, "", "overloaded", "exceeded your current quota"),
    (14, "comments", 1, ANSWER, "", None, ""),
    (20, "non-stream", 1, ANSWER, "", None, ""),
    (21, "crlf", 1, ANSWER, "", None, ""),
    (21, "line-separator", 1, "The \u2028 answer is \u0085 forty-two.", "", None, ""),
    (21, "split-utf8", 1, "Zwölf 🙂 次の答え", "", None, ""),
    (21, "nul", 1, "The \u0000 answer is forty-two.", "", None, ""),
    (21, "two-choices", 1, f"x{ANSWER}", "", None, ""),
]


@pytest.mark.parametrize(("row", "model", "times", "text", "thought", "failure", "told"), STREAMS)
def test_streams(mock, monkeypatch, row, model, times, text, thought, failure, told):
    monkeypatch.setattr("agon.serving.openai_protocol.openai_compatible.LONGEST_WAIT", 0.0)
    limits = {"first": 2.5} if model == "comments" else {}  # the first word comes after 4 s of comments
    made = asked(mock, model, times, **limits)
    assert made.failure == failure, (row, made)
    if text is not None:
        assert made.text == text
    assert thought in made.reasoning
    assert thought == "" or thought not in made.text
    assert told in (made.detail or "")
    if row == 1:
        assert made.tokens == 4, "the last usage has a number, and counts"


def checks(address, name):
    """{model: the failure at opening} of a configuration of the README, with its server's address."""
    content = file(f"serving/{name}").read_text(encoding="utf-8")
    content = re.sub(r"http://127\.0\.0\.1:18411/v1", address, content)

    async def check_all(path):
        roster = read_configuration(path).roster
        try:
            return await roster.unavailable()
        finally:
            for contestant in roster.contestants:
                await contestant.backend.close()

    return content, check_all


@pytest.mark.parametrize(
    ("row", "name", "change", "failing"),
    [
        (15, "a.toml", ("", ""), {"m-nosystem": "System role not supported"}),
        (15, "a.toml", ('system_prompt = "Be kind."', 'system_prompt = "Be kind."\nsystem_role = false'), {}),
        (16, "b.toml", ("", ""), {}),
        (17, "a.toml", ("", ""), {"m-openai": "max_completion_tokens", "m-nosystem": "System role"}),
        (18, "c.toml", ("", ""), {}),
    ],
)
def test_who_can_play_is_known_at_the_opening(mock, tmp_path, row, name, change, failing):
    content, check_all = checks(mock, name)
    if name == "b.toml":
        content = content.replace('name = "x"', 'name = "x"\nmodel = "good"')
    path = tmp_path / name
    path.write_text(content.replace(*change) if change[0] else content, encoding="utf-8")
    found = asyncio.run(check_all(path))
    for model, told in failing.items():
        assert isinstance(found[model], ServingError), row
        assert told in found[model].detail
    if row == 15 and not failing:
        assert "m-nosystem" not in found
    if row in (16, 18):
        assert found == {}
    if row == 18:
        sent = httpx.get(f"{mock.removesuffix('/v1')}/seen", trust_env=False).json()
        assert {"enable_thinking": False} in [one.get("chat_template_kwargs") for one in sent]


def counted(path, **options):
    votes = comparisons(path, **options)
    return len(votes), dict(votes.left_out)


def lines(name):
    """The rows of a file, read by Python's own modules."""
    text = file(f"votes/{name}").read_text(encoding="utf-8-sig")
    if name.endswith(".csv"):
        return list(csv.DictReader(text.splitlines()))
    return (
        json.loads(text) if text.lstrip().startswith("[") else [json.loads(one) for one in text.splitlines()]
    )


def test_rows_33_35_43_50_52_53_published_formats_are_votes_whichever_command_is_asked(tmp_path):
    """How many votes each file holds, counted from its rows."""
    comparia = sum(1 for one in lines("comparia_votes.json"))
    arena_hard = sum(len(one["games"]) for one in lines("arena_hard.jsonl"))
    tournesol = len(lines("tournesol.csv"))
    tts, kaggle = len(lines("tts_votes.csv")), len(lines("kaggle55k.csv"))
    expected = {
        "comparia_votes.json": comparia,
        "genai_log.json": len(lines("genai_log.json")),
        "arena_hard.jsonl": arena_hard,
        "kaggle55k.csv": kaggle,
        "tts_votes.csv": tts,
        "tournesol.csv": tournesol,
    }
    for name, votes in expected.items():
        assert counted(file(f"votes/{name}")) == (votes, {}), name
        assert main(["import", str(file(f"votes/{name}")), "--into", str(tmp_path / name)]) == 0
        assert counted(tmp_path / name) == (votes, {}), name


def test_row_33_the_chosen_model_won():
    chosen = [one["chosen_model_name"] for one in lines("comparia_votes.json") if not one.get("both_equal")]
    votes = comparisons(file("votes/comparia_votes.json"))
    wins = dict(zip(votes.models, votes.pairs.wins.sum(axis=1), strict=True))
    assert wins == {name: chosen.count(name) for name in wins}


def test_row_34_thumbs_compare_with_siblings():
    pairs = alone = 0
    for one in lines("openwebui_feedback.json"):
        data = one["data"]
        siblings = [name for name in data.get("sibling_model_ids") or [] if name != data["model_id"]]
        rated = str(data.get("rating")) in ("1", "-1")
        pairs += len(siblings) * rated
        alone += not siblings or not rated
    votes = comparisons(file("votes/openwebui_feedback.json"))
    assert (len(votes), sum(votes.left_out.values())) == (pairs, alone)


def test_row_37_an_error_notice_is_no_answer():
    votes = comparisons(file("votes/fastchat_errors.json"))
    assert len(votes) == 240 - 46
    assert sum(votes.left_out.values()) == 46
    board = rank(votes, "bradley_terry", interval="none")
    assert board["delta-7b"].score == pytest.approx(867.4, abs=0.05)
    assert board["cedar-mini"].rank < board["birch-2"].rank, "with the notices they change places"


@pytest.mark.parametrize("name", ["mtbench_pair.json", "mtbench_gpt4.json"])
def test_row_39_a_judge_that_is_a_list_is_a_judge(tmp_path, name):
    judges = sum(isinstance(one["judge"], list) for one in lines(name))
    path = file(f"votes/{name}")
    assert main(["import", str(path), "--into", str(tmp_path)]) == 0
    for source in (path, tmp_path):
        assert len(comparisons(source, voters="llm")) == judges
        assert comparisons(source, voters="all").llm_votes == judges


def test_row_40_an_id_of_prompts_repeats_nothing(tmp_path):
    """Of 200 votes on 80 questions those come again that have the same pair, turn and judge."""
    path = file("votes/mtbench_gpt4.json")
    rows = lines("mtbench_gpt4.json")
    keys = [
        (one["question_id"], *sorted((one["model_a"], one["model_b"])), one["turn"], str(one["judge"]))
        for one in rows
    ]
    again = [n for n, key in enumerate(keys, start=1) if key in keys[: n - 1]]
    (found,) = [one for one in check(path).findings if one.code == "repeated_identifier"]
    assert f"in rows {', '.join(map(str, again[:5]))} and {len(again) - 5} more" in found.message
    assert len(again) == 25
    main(["import", str(path), "--into", str(tmp_path)])
    votes = comparisons(tmp_path)
    with pytest.raises(SourceError):
        votes.clusters("battle")
    assert votes.clusters("prompt").size == len({one["question_id"] for one in lines("mtbench_gpt4.json")})


@pytest.mark.parametrize(
    ("name", "games", "sides"),
    [
        ("mtbench_g1g2.jsonl", ("g1_winner", "g2_winner"), ("model_1", "model_2")),
        ("evalscope.jsonl", ("win_1", "win_2"), ("model_a", "model_b")),
    ],
)
def test_row_42_two_games_are_one_vote(name, games, sides):
    rows = lines(name)
    errors = sum("error" in (one[games[0]], one[games[1]]) for one in rows)
    agreed = sum(one[games[0]] == one[games[1]] and one[games[0]] in sides for one in rows)
    votes = comparisons(file(f"votes/{name}"))
    assert (len(votes), sum(votes.left_out.values())) == (len(rows) - errors, errors)
    assert votes.pairs.wins.sum() == agreed


def test_row_43_the_second_game_has_the_baseline_on_the_right():
    better = {"A": [0, 0], "B": [0, 0]}
    wins = {"model": 0, "baseline": 0}
    for one in lines("arena_hard.jsonl"):
        for place, game in enumerate(one["games"]):
            letter = game["score"].replace("=", "").partition(">")[0] if ">" in game["score"] else None
            if letter:
                wins["baseline" if (letter == "A") == (place == 0) else "model"] += 1
                better[letter][place] += 1
    votes = comparisons(file("votes/arena_hard.jsonl"))
    at = votes.models.index("baseline")
    assert votes.pairs.wins[at].sum() == wins["baseline"]
    assert votes.pairs.wins[:, at].sum() == wins["model"]
    assert votes.llm_votes == len(votes)


def test_row_44_judges_beside_people_are_kept_apart():
    rows = lines("judgearena_battles.jsonl")
    judged = sum(bool(one.get("judge_model")) for one in rows)
    assert counted(file("votes/judgearena_battles.jsonl")) == (len(rows) - judged, {OTHER_VOTERS[1]: judged})


@pytest.mark.parametrize("name", ["winner_is_name.csv", "labels_case.csv"])
def test_row_45_a_winner_may_be_a_name_or_spelt_otherwise(tmp_path, name):
    path = file(f"votes/{name}")
    rows = lines(name)
    decided = sum("tie" not in one["winner"].lower() for one in rows)
    assert main(["import", str(path), "--into", str(tmp_path)]) == 0
    for source in (path, tmp_path):
        votes = comparisons(source)
        assert (len(votes), votes.pairs.wins.sum()) == (len(rows), decided)


def test_row_47_both_bad_is_half_a_win_each_and_said():
    board = rank(comparisons(file("votes/bothbad.csv")), "win_rate", min_votes=0)
    assert board.settings["both_bad_votes"] == 1
    assert "both_bad" in {note.code for note in board.diagnostics}


def test_row_48_an_export_that_holds_the_earlier_ones_brings_only_new_votes(tmp_path):
    for name in ("clean_battle_20250701.json", "clean_battle_20250708.json"):
        assert main(["import", str(file(f"votes/{name}")), "--into", str(tmp_path)]) == 0
    assert counted(tmp_path) == (200, {})


def test_row_51_tags_stay_with_the_file(tmp_path):
    path = file("votes/p140k.parquet")
    votes = comparisons(path)
    assert len(votes) == 600
    where = "category_tag.math_v0_1.math"
    math = comparisons(path, where=where)
    assert len(math) + len(comparisons(path, where=f"NOT {where}")) == 600
    assert 0 < len(math) < 600


@pytest.mark.parametrize("name", ["bom.json", "array.jsonl", "pretty.json"])
def test_row_55_one_reader(tmp_path, name):
    """The same 200 votes in three spellings of JSON."""
    same = rank(comparisons(file("votes/clean_battle_20250708.json")), "bradley_terry", interval="none")
    path = file(f"votes/{name}")
    assert main(["import", str(path), "--into", str(tmp_path)]) == 0
    for source in (path, tmp_path):
        board = rank(comparisons(source), "bradley_terry", interval="none")
        assert {row.model: row.score for row in board.rows} == {row.model: row.score for row in same.rows}


def test_row_56_several_files_at_once(tmp_path):
    names = ["clean_battle_20250701.json", "clean_battle_20250708.json"]
    paths = [str(file(f"votes/{name}")) for name in names]
    assert main(["import", *paths, "--into", str(tmp_path)]) == 0
    assert counted(tmp_path) == (200, {})


def ranked(capsys, *words):
    status = main(["rank", *map(str, words)])
    found = capsys.readouterr()
    return status, found.out, found.err


def test_row_59_columns_that_are_no_tasks_are_asked_about(capsys):
    path = file("tables/openllm.csv")
    status, _, said = ranked(capsys, path, "-m", "borda")
    assert status == 2
    assert "'Average ⬆️'" in said
    assert "'#Params (B)'" in said
    ignored = ["--ignore", "Average ⬆️,#Params (B),Hub ❤️"]
    status, _, said = ranked(capsys, path, "-m", "borda", *ignored)
    assert status == 2
    assert "CO₂ cost" in said
    status, out, _ = ranked(capsys, path, "-m", "borda", *ignored, "--lower", "CO₂ cost (kg)")
    assert status == 0
    assert all(task in out for task in ("MMLU-PRO", "CO₂ cost (kg)")), "the board lists its tasks"


def test_row_60_percent_signs_and_long_layouts(capsys):
    with file("tables/percent.csv").open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    tasks = len(rows[0]) - 1
    status, out, _ = ranked(
        capsys, file("tables/percent.csv"), "-m", "borda", "-f", "json", "--interval", "none"
    )
    assert status == 0
    assert json.loads(out)["boards"][0]["settings"]["votes"] == tasks
    for name in ("long_scores.csv", "tasks_as_rows.csv", "comma.csv"):
        assert ranked(capsys, file(f"tables/{name}"), "-m", "borda")[0] == 0, name
    status, _, said = ranked(capsys, file("tables/helm.csv"), "-m", "borda")
    assert status == 2
    assert "--ignore 'Mean win rate'" in said
    assert ranked(capsys, file("tables/helm.csv"), "-m", "copeland", "--ignore", "Mean win rate")[0] == 0


@pytest.mark.parametrize("name", ["alpacaeval_outputs.json", "prompt_model_response.csv"])
def test_row_61_answers_of_published_layouts(name):
    found = answers(file(f"answers/{name}"))
    assert (found.models, len(found.prompts)) == (("alpaca-x", "birch-2"), 6)


def test_row_61_one_file_a_model_is_a_folder(tmp_path):
    for path in CASES.glob("answers/autoarena_*.csv"):
        with pytest.raises(SourceError, match="or a folder with one file a model"):
            answers(path)
        shutil.copy(path, tmp_path)
    found = answers(tmp_path)
    assert found.models == ("autoarena_alpaca-x", "autoarena_birch-2")
    assert dict(found.prompts[0].answers) == {
        "autoarena_alpaca-x": "alpaca-x 0",
        "autoarena_birch-2": "birch-2 0",
    }


def test_row_61_mt_bench_names_its_questions_by_number(tmp_path):
    given = file("answers/mtbench_answers.jsonl")
    with pytest.raises(SourceError, match=r"put question\.jsonl beside it and name the folder"):
        answers(given)
    (tmp_path / "model_answer").mkdir()
    shutil.copy(given, tmp_path / "model_answer")
    with pytest.raises(SourceError, match=r"put question\.jsonl beside it"):
        answers(tmp_path)
    numbers = {json.loads(line)["question_id"] for line in given.read_text().splitlines()}
    asked = [{"question_id": n, "category": "writing", "turns": [f"Q{n}?", "And?"]} for n in sorted(numbers)]
    (tmp_path / "question.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    found = answers(tmp_path)
    assert (found.models, len(found.prompts)) == (("alpaca-x", "birch-2"), len(numbers))
    first = found.prompts[0]
    assert (first.prompt_id, first.prompt, first.category) == ("81", "Q81?", "writing")
    assert set(first.answers.values()) == {"first"}
    (tmp_path / "question.jsonl").write_text(json.dumps(asked[0]) + "\n")
    with pytest.raises(SourceError, match=r"question_id '82' that question\.jsonl has not"):
        answers(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wide_meta.csv", "the columns 'id' and 'reference' beside the answers, no model by name"),
        ("two_samples.csv", "answers the prompt 'q0' twice"),
        ("chat_messages.jsonl", "which is no text"),
        ("promptfoo.json", "has no column 'prompt'"),
    ],
)
def test_row_61_what_is_not_answers_is_named(name, said):
    with pytest.raises(SourceError, match=said):
        answers(file(f"answers/{name}"))


def test_row_62_marks_of_the_counting_are_no_candidates(capsys):
    path = file("ballots/sentinel.soi")
    status, _, said = ranked(capsys, path, "-m", "kemeny")
    assert status == 2
    assert "'overvote' and 'undervote' are no candidate by name" in said
    assert "(--invalid drop)" in said
    # 10 A>B, 8 B>A, 7 A>B behind an overvote, 5 B before an undervote
    votes = preflib(path, absent="drop")
    assert votes.models == ("A", "B")
    status, out, _ = ranked(capsys, path, "-m", "kemeny", "--invalid", "drop", "-f", "json")
    assert status == 0
    assert [row["model"] for row in json.loads(out)["boards"][0]["models"]] == ["A", "B"]
    assert preflib(path, absent="keep").models == ("A", "B", "overvote", "undervote")
    status, _, said = ranked(capsys, file("ballots/cat.cat"), "-m", "kemeny")
    assert status == 2
    assert "sorts candidates into categories and is no election of orders" in said
    with pytest.raises(VotesError, match="'Never' stands on no ballot"):
        preflib(file("ballots/nevercast.soi"))


def test_row_63_ties_are_told(capsys):
    """Three orders are best around a circle, whatever the names; a tie that decides a round is said."""
    status, out, _ = ranked(capsys, file("ballots/threeway.jsonl"), "-m", "kemeny", "-f", "json")
    assert status == 0
    assert "Several orders disagree with as few" in json.dumps(json.loads(out)["boards"][0]["diagnostics"])
    _, out, _ = ranked(capsys, file("ballots/elim_tie.jsonl"), "-m", "instant_runoff", "--min-votes", "0")
    assert "A tie decided a round: B and C were equally low and went together" in out
    _, out, _ = ranked(capsys, file("ballots/two_tie.jsonl"), "-m", "borda", "--min-votes", "0")
    assert "A and B share the first place" in out
    status, _, said = ranked(capsys, file("tables/inf.csv"), "-m", "borda")
    assert (status, "is inf; correct it or leave it empty" in said) == (2, True)


def test_row_27_the_database_of_an_arena_is_ranked_by_its_folder(tmp_path, capsys):
    from agon.data.log.vote_log import VoteLog

    VoteLog(tmp_path).close()
    status, _, said = ranked(capsys, tmp_path / "agon.duckdb")
    assert status == 2
    assert f"is the arena's own database; rank its folder: agon rank {tmp_path}" in said.replace("\n", " ")


# Rows that need a whole arena, a browser or a proxy: file and function of the test.
ELSEWHERE = {
    22: (
        "tests/arena/core/test_arena.py",
        "test_recorded_answers_are_an_arena_that_closes_in_good_order_and_says_what_it_kept",
    ),
    23: ("tests/arena/core/test_language_id.py", None),
    24: ("tests/data/log/test_left_behind.py", "test_votes_of_a_process_that_was_killed_are_ranked"),
    28: ("tests/arena/web/test_app.py", None),
    29: ("tests/arena/web/test_behind_a_proxy.py", "test_a_proxy_that_drops_the_port"),
    30: ("tests/arena/web/test_behind_a_proxy.py", "test_a_prefix_of_a_proxy"),
    31: ("tests/arena/web/test_behind_a_proxy.py", "test_a_silent_model_is_not_cut_off_by_a_proxy"),
    32: ("tests/arena/web/leaderboard/test_page.py", None),
    35: (
        "tests/cases/test_public_reports.py",
        "test_rows_33_35_43_50_52_53_published_formats_are_votes_whichever_command_is_asked",
    ),
    50: (
        "tests/cases/test_public_reports.py",
        "test_rows_33_35_43_50_52_53_published_formats_are_votes_whichever_command_is_asked",
    ),
    52: (
        "tests/cases/test_public_reports.py",
        "test_rows_33_35_43_50_52_53_published_formats_are_votes_whichever_command_is_asked",
    ),
    53: (
        "tests/cases/test_public_reports.py",
        "test_rows_33_35_43_50_52_53_published_formats_are_votes_whichever_command_is_asked",
    ),
}


def test_every_row_has_a_test():
    rows = {int(found) for found in re.findall(r"^\| (\d+) \|", file("README.md").read_text("utf-8"), re.M)}
    here = ast.parse((REPOSITORY / "tests/cases/test_public_reports.py").read_text(encoding="utf-8"))
    named = {
        int(row)
        for node in ast.walk(here)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_row_")
        for row in re.findall(r"test_row_(\d+)_", node.name)
    }
    there = {row for row, *_ in STREAMS} | {15, 16, 17, 18} | named | ELSEWHERE.keys()
    assert rows - there == set()
    for path, function in ELSEWHERE.values():
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        assert function is None or f"def {function}(" in text, (path, function)

"""Tables of scores in every setting, and reports of evaluation tools: read, ranked, refused in a sentence.

The reports are of our own making, in the shapes that lm-evaluation-harness, HELM and Inspect write; the right
orders are counted by hand.
"""

import json
import zipfile

import pytest

from agon.arena.cli.commands import main
from agon.data import read_any, score_table
from agon.ranking import OptionError, SourceError, VotesError, rank

SCORES = {"ada": {"gpqa": 0.5, "ifeval": 0.7}, "bob": {"gpqa": 0.4, "ifeval": 0.8}}


def lm_eval(model, scores):
    results = {
        task: {"alias": task, "acc,none": score, "acc_stderr,none": 0.01, "acc_norm,none": 1 - score}
        for task, score in scores.items()
    }
    results["mmlu"] = {"alias": "mmlu", "acc,none": 0.9}
    results["wikitext"] = {"alias": "wikitext", "word_perplexity,none": 10 * scores["gpqa"]}
    return {
        "results": results,
        "group_subtasks": {"mmlu": ["gpqa"], "gpqa": []},
        "config": {"model": "hf", "model_args": f"pretrained={model},dtype=auto"},
        "higher_is_better": {
            **{task: {"acc": True, "acc_norm": True} for task in scores},
            "wikitext": {"word_perplexity": False},
        },
    }


def inspect(model, task, score):
    metrics = {"accuracy": {"name": "accuracy", "value": score}, "stderr": {"name": "stderr", "value": 0.01}}
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": task, "model": model},
        "results": {"scores": [{"name": "choice", "scorer": "choice", "metrics": metrics}]},
    }


HELM = [
    {
        "title": "Accuracy",
        "name": "accuracy",
        "header": [
            {"value": "Model"},
            {"value": "Mean win rate", "lower_is_better": False},
            {"value": "gpqa - EM", "lower_is_better": False},
            {"value": "Denoised inference time (s)", "lower_is_better": True},
        ],
        "rows": [
            [{"value": "ada"}, {"value": 0.9}, {"value": 0.5}, {"value": 2.0}],
            [{"value": "bob"}, {"value": 0.1}, {"value": 0.4}, {"value": 1.0}],
        ],
    }
]


def reports(folder, documents):
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    return folder


def test_reports_of_the_harness_say_directions_and_leave_groups_out(tmp_path):
    folder = reports(tmp_path, {f"{model}/results_1.json": lm_eval(model, s) for model, s in SCORES.items()})
    with pytest.raises(OptionError, match="'gpqa' has the metrics acc and acc_norm; choose one") as caught:
        score_table(folder)
    assert "(--metric acc)" in str(caught.value)
    table = score_table(f"{folder}/*/results_*.json", metric="acc")
    assert table.models == ("ada", "bob")
    assert dict(zip(table.tasks, table.directions, strict=True)) == {
        "gpqa": "higher",
        "ifeval": "higher",
        "wikitext": "lower",
    }
    assert table.good.tolist() == [[0.5, 0.7, -5.0], [0.4, 0.8, -4.0]]
    assert score_table(folder, metric=["acc_norm", "acc"]).values[0].tolist() == [0.5, pytest.approx(0.3), 5]


def test_logs_of_inspect_in_both_forms(tmp_path):
    for model, scores in SCORES.items():
        for task, score in scores.items():
            document = inspect(model, task, score)
            if model == "ada":
                with zipfile.ZipFile(tmp_path / f"{model}_{task}.eval", "w") as archive:
                    archive.writestr("header.json", json.dumps(document))
            else:
                (tmp_path / f"{model}_{task}.json").write_text(json.dumps(document))
    table = score_table([*sorted(tmp_path.glob("*.eval")), *sorted(tmp_path.glob("*.json"))])
    assert table.values.tolist() == [[0.5, 0.7], [0.4, 0.8]]
    (tmp_path / "bad.json").write_text(json.dumps(inspect("cyn", "gpqa", 1) | {"status": "error"}))
    with pytest.raises(SourceError, match=r"bad\.json .*the run ended with the status 'error'"):
        score_table(tmp_path / "bad.json")
    (tmp_path / "cut.eval").write_bytes((tmp_path / "ada_gpqa.eval").read_bytes()[:40])
    with pytest.raises(SourceError, match=r"cut\.eval is no finished log of Inspect.*inspect log convert"):
        score_table(tmp_path / "cut.eval")


def test_tables_of_helm_say_directions_and_their_mean_is_no_task(tmp_path):
    path = tmp_path / "core.json"
    path.write_text(json.dumps(HELM))
    table = score_table(path)
    assert dict(zip(table.tasks, table.directions, strict=True)) == {
        "Denoised inference time (s)": "lower",
        "gpqa - EM": "higher",
    }
    assert table.good.tolist() == [[-2.0, 0.5], [-1.0, 0.4]]


def test_a_newer_shape_of_a_report_is_told(tmp_path):
    document = lm_eval("ada", SCORES["ada"])
    document["config"] = {}
    (tmp_path / "r.json").write_text(json.dumps(document))
    with pytest.raises(SourceError, match="no whole report of lm-evaluation-harness: there is no 'model'"):
        score_table(tmp_path / "r.json")


LONG = """model,task,metric,item,seed,score,standard_error
ada,x,acc,1,0,1,0.1
ada,x,acc,1,1,0,0.1
ada,x,acc,2,0,1,0.1
bob,x,acc,1,0,0,0.1
bob,x,acc,2,0,0,0.1
bob,x,f1,2,0,9,0.1
"""


def test_a_row_a_score_with_items_seeds_and_metrics(tmp_path):
    """ada: item 1 is the mean of 1 and 0, item 2 is 1, so 0.75; bob: 0."""
    path = tmp_path / "long.csv"
    path.write_text(LONG)
    with pytest.raises(OptionError, match="'x' has the metrics acc and f1"):
        score_table(path)
    assert score_table(path, metric="acc").values.tolist() == [[0.75], [0.0]]
    path.write_text(LONG.replace("bob,x,acc,2,0,0,0.1\n", ""))
    with pytest.raises(VotesError, match="'bob' has a score on 1 of the 2 items of 'x'"):
        score_table(path, metric="acc")
    table = score_table(path, metric="acc", invalid="drop")
    assert table.values.tolist() == [[0.5], [0.0]]
    assert table.left_out == {"items that some models lack": 1}


@pytest.mark.parametrize(
    "task",
    ["latency", "time to answer", "price", "cost", "loss", "error rate", "perplexity", "WER", "toxicity"],
)
def test_a_cost_needs_a_direction(tmp_path, capsys, task):
    path = tmp_path / "scores.csv"
    path.write_text(f"model,gpqa,{task}\nada,1,9\nbob,2,5\ncyn,3,1\n")
    assert main(["rank", str(path), "-m", "borda"]) == 2
    said = capsys.readouterr().err
    assert f"is less better on '{task}'?" in said
    assert "--lower" in said
    assert main(["rank", str(path), "-m", "borda", "--lower", task]) == 0
    capsys.readouterr()
    for way, good in (("lower", [-9, -5, -1]), ("higher", [9, 5, 1])):
        table = read_any(path, directions={task: way})
        assert table.good[:, table.tasks.index(task)].tolist() == good


def test_a_metric_that_is_a_cost_needs_a_direction_too(tmp_path):
    path = tmp_path / "long.jsonl"
    rows = [
        {"model": m, "task": "wikitext", "metric": "perplexity", "score": s}
        for m, s in (("ada", 3), ("bob", 4))
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(SourceError, match="is less better on 'wikitext'"):
        read_any(path)
    assert read_any(path, directions={"wikitext": "lower"}).good.tolist() == [[-3], [-4]]


def test_a_board_of_a_table_counts_tasks(tmp_path, capsys):
    path = tmp_path / "scores.csv"
    path.write_text("model,a,b,c\nada,1,2,3\nbob,2,3,1\ncyn,3,1,2\n")
    board = rank(read_any(path), "bradley_terry")
    assert board.counted == "tasks"
    assert json.loads(board.to_json())["boards"][0]["counted"] == "tasks"
    assert "| tasks |" in board.to_markdown()
    assert "<th>tasks</th>" in board.to_html()
    assert "tasks & status" in board.to_latex()
    assert main(["rank", str(path)]) == 0
    said = capsys.readouterr().out
    assert "3 tasks · " in said
    assert "votes" not in said


STAT = {"name": {"name": "exact_match", "split": "test"}, "count": 2, "sum": 1.0, "mean": 0.5}
TYPOS = {"name": {"name": "exact_match", "split": "test", "perturbation": {"name": "typos"}}, "sum": 0.0}
VALID = {"name": {"name": "exact_match", "split": "valid"}, "count": 9, "sum": 0.0}


def helm_run(place, model, subject, right):
    """The files that the documentation of helm-run lists, in their shapes; 2 more right in a sub-split."""
    folder = place / "runs" / "v1" / f"mmlu:subject={subject},model={model.replace('/', '_')}"
    half = {"name": {"name": "exact_match", "split": "test", "sub_split": "half"}, "count": 2, "sum": 2.0}
    stats = [STAT | {"count": 8, "sum": right}, half, STAT | TYPOS, VALID]
    stats.append(STAT | {"name": {"name": "num_references", "split": "test"}})
    documents = {
        "stats.json": stats,
        "per_instance_stats.json": [{"instance_id": "id1", "train_trial_index": 0, "stats": [STAT]}],
        "run_spec.json": {
            "name": folder.name,
            "scenario_spec": {"class_name": "MMLUScenario", "args": {"subject": subject}},
            "adapter_spec": {"method": "multiple_choice_joint", "model": model},
        },
        "scenario_state.json": {"adapter_spec": {"model": model}, "request_states": []},
    }
    folder.mkdir(parents=True)
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2))
    return folder


def test_runs_of_helm_are_a_table_of_scenarios(tmp_path):
    """Means over the unperturbed test instances of all sub-splits, as helm-summarize takes them: by hand."""
    right = {("org/ada", "law"): 6, ("org/ada", "art"): 3, ("org/bob", "law"): 1, ("org/bob", "art"): 5}
    folders = [helm_run(tmp_path, model, subject, n) for (model, subject), n in right.items()]
    for given in (tmp_path, tmp_path / "runs" / "v1", folders, [one / "stats.json" for one in folders]):
        table = score_table(given, metric="exact_match")
        found = {
            (m, t): table.values[i, j] for i, m in enumerate(table.models) for j, t in enumerate(table.tasks)
        }
        assert found == {(m, f"mmlu:subject={s}"): (n + 2) / 10 for (m, s), n in right.items()}


@pytest.mark.parametrize("file", ["per_instance_stats.json", "run_spec.json", "scenario_state.json"])
def test_another_file_of_a_run_of_helm_names_the_folder(tmp_path, capsys, file):
    folder = helm_run(tmp_path, "ada", "law", 6)
    assert main(["rank", str(folder / file)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "name the folder of the run" in said


def test_rows_with_a_name_or_an_instance_are_rows(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps([{"name": "ada", "x": 1, "y": 2}, {"name": "bob", "x": 2, "y": 3}]))
    assert score_table(path).models == ("ada", "bob")
    path.write_text(
        json.dumps(
            [{"instance_id": "1", "model": name, "task": "x", "score": i} for i, name in enumerate("ab")]
        )
    )
    assert score_table(path).models == ("a", "b")

"""A real model as a judge: its verdicts are soft, and the audit refuses it, because they mean nothing."""

import pandas as pd

from agon.arena.cli.commands import main

PEOPLE = [("good", "bad", "model_a"), ("bad", "good", "model_b")]


def test_verdicts_of_a_model_that_is_noise_are_refused(vllm, tmp_path, monkeypatch, capsys):
    """The model draws tokens at random: most answers are no verdict; those that are hang on nothing."""
    prompts = [f"How much is {i} + {i}?" for i in range(12)]
    rows = [
        {"prompt_id": str(i), "prompt": text, "model": name, "answer": said}
        for i, text in enumerate(prompts)
        for name, said in (("good", f"It is {2 * i}."), ("bad", "A fish."))
    ]
    answers, people, output = (tmp_path / f"{name}.parquet" for name in ("answers", "people", "judged"))
    pd.DataFrame(rows).to_parquet(answers)
    votes = [(a, b, w, str(i)) for i in range(12) for a, b, w in PEOPLE]
    pd.DataFrame(votes, columns=["model_a", "model_b", "winner", "prompt_id"]).to_parquet(people)
    words = tmp_path / "judges.toml"
    words.write_text(
        f'[[model]]\nname = "tiny-a"\nbase_url = "{vllm.url}"\napi_key_env = "VLLM_KEY"\n'
        'sampling = { max_tokens = 8 }\nextra_body = { structured_outputs = { choice = ["A", "B", "C"] } }\n'
    )
    monkeypatch.setenv("VLLM_KEY", vllm.key)
    given = ["judge", answers, "--model", words, "-o", output, "--audit", "--voted", people]
    assert main(list(map(str, given))) == 1
    assert "tiny-a is refused: " in capsys.readouterr().out
    judged = pd.read_parquet(output)
    assert judged.soft.all()
    assert ((judged.p_a > 0) & (judged.p_a < 1)).any()

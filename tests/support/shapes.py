"""Every shape of votes that people hold, as files of our own making: the same battles in the schema of each.

The schemas are those that the publishers document (dataset cards on Hugging Face, the source of FastChat,
Open WebUI, AlpacaEval, Arena-Hard, Tournesol); names, prompts and answers are ours.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

MODELS = ("ada", "bob", "cyn")
WORDS = ("river", "stone", "light", "paper", "garden", "winter", "copper", "signal")


@dataclass(frozen=True)
class Battle:
    """One battle: who, what the verdict is, what was asked and answered."""

    number: int
    a: str
    b: str
    winner: str
    prompt: str
    answer_a: str
    answer_b: str
    math: bool
    code: bool


def answer(rng):
    """A text whose length and Markdown vary."""
    lines = [" ".join(rng.choices(WORDS, k=rng.randint(2, 12))) for _ in range(rng.randint(1, 5))]
    marks = [rng.choice(["", "# ", "- ", "**so** ", "see [1] "]) for _ in lines]
    return "\n".join(mark + line for mark, line in zip(marks, lines, strict=True))


def battles(n=240, winners=("model_a", "model_b", "tie", "both_bad"), seed=5):
    """The same battles every time."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        a, b = rng.sample(MODELS, 2)
        words = f"{' '.join(rng.choices(WORDS, k=5))} {i}"
        texts = answer(rng), answer(rng)
        made.append(
            Battle(i, a, b, rng.choice(winners), words, *texts, rng.random() < 0.4, rng.random() < 0.3)
        )
    return made


HARD = ("model_a", "model_b", "tie")
DECIDED = ("model_a", "model_b")


def write(path, rows):
    """Write rows by the ending of the path."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        names = list(rows[0])
        lines = [names, *([row[name] for name in names] for row in rows)]
        path.write_text(
            "\n".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in line) for line in lines)
        )
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return path


def messages(prompt, text):
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]


def blocks(prompt, text):
    return [
        {"role": role, "content": [{"type": "text", "text": said, "image": None, "mimeType": None}]}
        for role, said in (("user", prompt), ("assistant", text))
    ]


def counts(text):
    """What `conv_metadata` counts of an answer."""
    lines = text.split("\n")
    return {
        "tokens": len(text.split()),
        "headers": {"h1": sum(line.startswith("# ") for line in lines), "h2": 0, "h3": 0},
        "lists": {"ordered": 0, "unordered": sum(line.startswith("- ") for line in lines)},
        "bold": {"**": text.count("**so**"), "__": 0},
    }


def metadata(battle):
    found = {"turns": 1, "sum_user_tokens": 6}
    for side, text in (("a", battle.answer_a), ("b", battle.answer_b)):
        one = counts(text)
        found |= {
            f"sum_assistant_{side}_tokens": one["tokens"],
            f"header_count_{side}": one["headers"],
            f"list_count_{side}": one["lists"],
            f"bold_count_{side}": one["bold"],
        }
    return found


def tags(battle):
    criteria = ["complexity", "creativity", "domain_knowledge", "problem_solving", "real_world"]
    every = [*criteria, "specificity", "technical_accuracy"]
    met = 6 if battle.number % 5 == 0 else 5
    return {
        "creative_writing_v0.1": {"creative_writing": battle.number % 4 == 0, "score": "1"},
        "criteria_v0.1": {name: i < met for i, name in enumerate(every)},
        "if_v0.1": {"if": battle.number % 3 == 0, "score": 2},
        "math_v0.1": {"math": battle.math},
    }


def old(label):
    return "tie (bothbad)" if label == "both_bad" else label


@dataclass(frozen=True)
class Shape:
    """A shape: its file, the battles in it, and what can be done with it."""

    file: str
    rows: object
    winners: tuple = ("model_a", "model_b", "tie", "both_bad")
    style: bool = False
    by: str | None = None
    groups: tuple = ()
    arguments: tuple = field(default=())
    breaks: object = None
    """A row made wrong, from a good one: a nested value or a needed one of another type."""

    def make(self, folder):
        """Write the file; return it and its battles."""
        made = battles(winners=self.winners)
        rows = self.rows(made)
        return write(folder / self.file, rows), made

    def fought(self):
        """{(winner or None, model, model): votes}, counted from the battles themselves."""
        tally = Counter()
        for one in battles(winners=self.winners):
            if one.winner == "model_a":
                tally[one.a, one.b] += 1
            elif one.winner == "model_b":
                tally[one.b, one.a] += 1
            else:
                tally[frozenset((one.a, one.b))] += 1
        return tally


def plain(one):
    return {"model_a": one.a, "model_b": one.b}


def fastchat_state(one, side):
    model, text = (one.a, one.answer_a) if side == "a" else (one.b, one.answer_b)
    return {
        "template_name": "t",
        "roles": ["USER", "ASSISTANT"],
        "messages": [["USER", one.prompt], ["ASSISTANT", text]],
        "offset": 0,
        "conv_id": f"{side}{one.number}",
        "model_name": model,
    }


FASTCHAT = {"model_a": "leftvote", "model_b": "rightvote", "tie": "tievote", "both_bad": "bothbad_vote"}
GRADE = {"model_a": "A>>B", "model_b": "B>A", "tie": "A=B"}
NUMBER = {"model_a": -3, "model_b": 1, "tie": 0}
LIKERT = {"model_a": 1, "model_b": 4, "tie": 3}


def chosen(one):
    return (one.a, one.b) if one.winner == "model_a" else (one.b, one.a)


def comparia(one):
    return {
        "id": one.number,
        "timestamp": "2025-03-04T10:00:00Z",
        "model_a_name": one.a,
        "model_b_name": one.b,
        "opening_msg": one.prompt,
        "conversation_a": messages(one.prompt, one.answer_a),
        "conversation_b": messages(one.prompt, one.answer_b),
        "conv_turns": 1,
        "session_hash": f"s{one.number % 40}",
        "visitor_id": f"v{one.number % 40}",
        "conversation_pair_id": f"p{one.number}",
        "categories": ["Arts"] if one.math else ["Arts", "Sport"],
    }


def reactions(made):
    rows = []
    for one in made:
        thumbs = {"model_a": (1, -1), "model_b": (None, 1), "tie": (1, 1), "both_bad": (-1, -1)}[one.winner]
        for side, thumb in zip("ab", thumbs, strict=True):
            if thumb is not None:
                rows.append(
                    comparia(one)
                    | {
                        "id": len(rows),
                        "refers_to_model": one.a if side == "a" else one.b,
                        "model_pos": side,
                        "msg_index": 1,
                        "liked": thumb > 0,
                        "disliked": thumb < 0,
                    }
                )
    return rows


def feedback(one):
    up = one.number % 2 == 0
    winner, loser = chosen(one)
    rated, other = (winner, loser) if up else (loser, winner)
    texts = {one.a: one.answer_a, one.b: one.answer_b}
    history = {
        "u": {"id": "u", "role": "user", "content": one.prompt, "parentId": None, "childrenIds": ["m", "n"]},
        "m": {"id": "m", "role": "assistant", "model": rated, "content": texts[rated], "parentId": "u"},
        "n": {"id": "n", "role": "assistant", "model": other, "content": texts[other], "parentId": "u"},
    }
    return {
        "id": f"f{one.number}",
        "user_id": f"u{one.number % 40}",
        "version": 0,
        "type": "rating",
        "data": {
            "rating": 1 if up else -1,
            "model_id": rated,
            "sibling_model_ids": [other],
            "tags": ["code"] if one.code else ["general"],
        },
        "meta": {"arena": False, "chat_id": "c", "message_id": "m"},
        "snapshot": {"chat": {"chat": {"history": {"messages": history}}}},
        "created_at": 1730000000 + one.number,
        "updated_at": 1730000000 + one.number,
    }


def one_hot(one):
    return {f"winner_{label}": int(one.winner == label) for label in HARD}


def wrong_conversation(row):
    return row | {"conversation_a": [{"role": "user", "content": 5}]}


CATEGORIES = ("math", "creative", "instruction_following", "hard")
SHAPES = {
    "our own": Shape(
        "votes.csv",
        lambda made: [
            plain(one)
            | {"winner": one.winner, "answer_a": one.answer_a, "answer_b": one.answer_b}
            | {"category": "math" if one.math else "other", "language": "en"}
            for one in made
        ],
        style=True,
        by="category",
        groups=("math", "other"),
    ),
    "LMArena 33k": Shape(
        "33k.parquet",
        lambda made: [
            {"question_id": f"q{one.number}", **plain(one), "winner": old(one.winner)}
            | {"judge": f"arena_user_{one.number % 40}", "turn": 1, "anony": True, "language": "English"}
            | {"tstamp": 1682351591.0 + one.number}
            | {"conversation_a": messages(one.prompt, one.answer_a)}
            | {"conversation_b": messages(one.prompt, one.answer_b)}
            for one in made
        ],
        style=True,
        by="language",
        groups=("English",),
    ),
    "LMArena 33k in JSON": Shape(
        "33k.jsonl",
        lambda made: [
            {"question_id": f"q{one.number}", **plain(one), "winner": old(one.winner)}
            | {"judge": f"arena_user_{one.number % 40}", "turn": 1, "anony": True, "language": "English"}
            | {"conversation_a": messages(one.prompt, one.answer_a)}
            | {"conversation_b": messages(one.prompt, one.answer_b)}
            for one in made
        ],
        style=True,
        breaks=wrong_conversation,
    ),
    "LMArena 55k": Shape(
        "train.csv",
        lambda made: [
            {"id": one.number, **plain(one), "prompt": json.dumps([one.prompt])}
            | {"response_a": json.dumps([one.answer_a]), "response_b": json.dumps([one.answer_b])}
            | one_hot(one)
            for one in made
        ],
        winners=HARD,
        style=True,
        breaks=lambda row: row | {"winner_tie": 2},
    ),
    "LMArena 100k": Shape(
        "100k.parquet",
        lambda made: [
            {"question_id": f"q{one.number}", **plain(one), "winner": old(one.winner), "turn": 1}
            | {"conversation_a": messages(one.prompt, one.answer_a), "language": "English"}
            | {"conversation_b": messages(one.prompt, one.answer_b), "tstamp": 1718000000.0 + one.number}
            | {"conv_metadata": metadata(one), "category_tag": tags(one), "is_code": one.code}
            | {"judge_hash": f"j{one.number % 40}", "anony": True, "is_refusal": False}
            for one in made
        ],
        style=True,
        by="category",
        groups=(*CATEGORIES, "code"),
    ),
    "LMArena 140k": Shape(
        "140k.parquet",
        lambda made: [
            {"id": f"i{one.number}", **plain(one), "winner": one.winner, "language": "en"}
            | {"evaluation_session_id": f"s{one.number % 40}", "evaluation_order": 1}
            | {"conversation_a": blocks(one.prompt, one.answer_a), "is_code": one.code}
            | {"conversation_b": blocks(one.prompt, one.answer_b), "timestamp": "2025-06-18T15:51:08"}
            | {"conv_metadata": metadata(one), "category_tag": tags(one)}
            for one in made
        ],
        style=True,
        by="category",
        groups=(*CATEGORIES, "code"),
    ),
    "LMArena expert": Shape(
        "expert.parquet",
        lambda made: [
            {"id": f"i{one.number}", **plain(one), "winner": one.winner, "language": "en"}
            | {"evaluation_order": 1, "conversation_a": json.dumps(blocks(one.prompt, one.answer_a))}
            | {"conversation_b": json.dumps(blocks(one.prompt, one.answer_b))}
            | {"occupational_tags": {"mathematical": one.math, "medicine_and_healthcare": not one.math}}
            for one in made
        ],
        style=True,
        by="category",
        groups=("mathematical", "medicine_and_healthcare"),
    ),
    "Search Arena": Shape(
        "search.parquet",
        lambda made: [
            {**plain(one), "winner": old(one.winner), "judge": f"j{one.number % 40}", "turn": 1}
            | {"messages_a": messages(one.prompt, one.answer_a), "timestamp": "2025-04-01 10:00:00"}
            | {"messages_b": messages(one.prompt, one.answer_b)}
            | {"conv_metadata": {"num_citations_a": one.number % 7, "num_citations_b": one.number % 5}}
            | {"primary_intent": "Factual Lookup" if one.math else "Analysis"}
            for one in made
        ],
        style=True,
        by="category",
        groups=("Analysis", "Factual Lookup"),
    ),
    "WebDev Arena": Shape(
        "webdev.parquet",
        lambda made: [
            {"question_id": f"q{one.number}", **plain(one), "winner": old(one.winner), "language": "English"}
            | {"conversation_a": blocks(one.prompt, one.answer_a), "tstamp": 1735000000.0 + one.number}
            | {"conversation_b": blocks(one.prompt, one.answer_b)}
            for one in made
        ],
        style=True,
    ),
    "Vision Arena": Shape(
        "vision.parquet",
        lambda made: [
            {"question_id": f"q{one.number}", **plain(one), "winner": old(one.winner), "num_turns": 1}
            | {"conversation_a": messages(one.prompt, one.answer_a), "tstamp": 1719000000.0 + one.number}
            | {"conversation_b": messages(one.prompt, one.answer_b), "language": "English"}
            | {"categories": {"captioning": one.math, "ocr": not one.math}, "images": ["i.png"]}
            for one in made
        ],
        style=True,
        by="category",
        groups=("captioning", "ocr"),
    ),
    "MT-bench human": Shape(
        "human.jsonl",
        lambda made: [
            {"question_id": 81 + one.number % 80, **plain(one), "winner": one.winner, "turn": 1}
            | {"judge": f"expert_{one.number % 20}"}
            | {"conversation_a": messages(one.prompt, one.answer_a)}
            | {"conversation_b": messages(one.prompt, one.answer_b)}
            for one in made
        ],
        winners=HARD,
        style=True,
        breaks=wrong_conversation,
    ),
    "FastChat log": Shape(
        "2023-04-24-conv.json",
        lambda made: [
            {"tstamp": 1682351591.0 + one.number, "type": FASTCHAT[one.winner], "models": ["", ""]}
            | {"states": [fastchat_state(one, "a"), fastchat_state(one, "b")], "ip": "203.0.113.7"}
            for one in made
        ],
        style=True,
        breaks=lambda row: row | {"states": [row["states"][0], {"model_name": "bob", "messages": 7}]},
    ),
    "AlpacaEval": Shape(
        "annotations.json",
        lambda made: [
            {"generator_1": one.a, "generator_2": one.b, "instruction": one.prompt}
            | {"output_1": one.answer_a, "output_2": one.answer_b, "annotator": "judge"}
            | {"preference": {"model_a": 1, "model_b": 2, "tie": 1.5}[one.winner]}
            | {"dataset": "koala" if one.math else "vicuna"}
            for one in made
        ],
        winners=DECIDED,
        style=True,
        by="category",
        groups=("koala", "vicuna"),
        breaks=lambda row: row | {"preference": "better"},
    ),
    "MT-bench games": Shape(
        "games.jsonl",
        lambda made: [
            {"question_id": 81 + one.number % 80, "model_1": one.a, "model_2": one.b}
            | {"g1_winner": {"model_a": "model_1", "model_b": "model_2", "tie": "tie"}[one.winner]}
            | {"g2_winner": {"model_a": "model_1", "model_b": "model_2", "tie": "model_1"}[one.winner]}
            | {"judge": ["gpt-4", "pair-v2"], "turn": 1}
            for one in made
        ],
        winners=HARD,
        breaks=lambda row: row | {"g1_winner": 3},
    ),
    "ComparIA votes": Shape(
        "votes.parquet",
        lambda made: [
            comparia(one)
            | {"chosen_model_name": None if one.winner == "tie" else chosen(one)[0]}
            | {"both_equal": one.winner == "tie"}
            for one in made
        ],
        winners=HARD,
        style=True,
        by="category",
        groups=("Arts", "Sport"),
    ),
    "ComparIA reactions": Shape(
        "reactions.jsonl",
        reactions,
        style=True,
        by="category",
        groups=("Arts", "Sport"),
        breaks=lambda row: row | {"refers_to_model": "zed"},
    ),
    "Open WebUI": Shape(
        "feedback.json",
        lambda made: [feedback(one) for one in made],
        winners=DECIDED,
        style=True,
        by="category",
        groups=("code", "general"),
        breaks=lambda row: row | {"data": row["data"] | {"sibling_model_ids": "bob"}},
    ),
    "chosen": Shape(
        "tts.csv",
        lambda made: [
            {"model_chosen": chosen(one)[0], "model_rejected": chosen(one)[1], "user_id": one.number % 40}
            for one in made
        ],
        winners=DECIDED,
    ),
    "chosen with texts": Shape(
        "trl.jsonl",
        lambda made: [
            {"chosen_model": chosen(one)[0], "rejected_model": chosen(one)[1], "language": "en"}
            | {"prompt": one.prompt, "category_tags": {"math": one.math, "creative_writing": not one.math}}
            | dict(
                zip(
                    ("chosen", "rejected"),
                    (one.answer_a, one.answer_b) if one.winner == "model_a" else (one.answer_b, one.answer_a),
                    strict=True,
                )
            )
            for one in made
        ],
        winners=DECIDED,
        by="category",
        groups=("creative", "math"),
        breaks=lambda row: row | {"chosen_model": ["ada"]},
    ),
    "graded in words": Shape(
        "graded.jsonl",
        lambda made: [plain(one) | {"grade": GRADE[one.winner], "judge": "j"} for one in made],
        winners=HARD,
        breaks=lambda row: row | {"grade": "A>>>B"},
    ),
    "graded -3 to 3": Shape(
        "graded.csv",
        lambda made: [plain(one) | {"overall_preference": NUMBER[one.winner]} for one in made],
        winners=HARD,
    ),
    "graded 1 to 5": Shape(
        "likert.parquet",
        lambda made: [plain(one) | {"likert": LIKERT[one.winner]} for one in made],
        winners=HARD,
    ),
    "Tournesol": Shape(
        "comparisons.csv",
        lambda made: [
            {"public_username": f"u{one.number % 40}", "entity_a": one.a, "entity_b": one.b}
            | {"criteria": "reliability" if one.math else "importance"}
            | {"score": {"model_a": -7, "model_b": 2, "tie": 0}[one.winner], "score_max": 10}
            | {"week_date": "2025-03-03"}
            for one in made
        ],
        winners=HARD,
        by="category",
        groups=("importance", "reliability"),
    ),
    "our own ballots": Shape(
        "ballots.jsonl",
        lambda made: [
            {"models": [one.a, one.b], "answers": [one.answer_a, one.answer_b]}
            | {"places": {"model_a": [1, 2], "model_b": [2, 1], "tie": [1, 1]}[one.winner]}
            | {"category": "math" if one.math else "other"}
            for one in made
        ],
        winners=HARD,
        style=True,
        by="category",
        groups=("math", "other"),
        breaks=lambda row: row | {"places": [1]},
    ),
    "TrueSkill": Shape(
        "games.jsonl",
        lambda made: [
            {"teams": [[one.a], [one.b]], "ranks": {"model_a": [0, 1], "model_b": [1, 0]}[one.winner]}
            for one in made
        ],
        winners=DECIDED,
        breaks=lambda row: row | {"ranks": "first"},
    ),
    "openskill scores": Shape(
        "scores.jsonl",
        lambda made: [
            {"players": [one.a, one.b], "scores": {"model_a": [9, 4], "model_b": [1, 3]}[one.winner]}
            for one in made
        ],
        winners=DECIDED,
        breaks=lambda row: row | {"scores": [1, 2, 3]},
    ),
    "rankings": Shape(
        "rankings.jsonl",
        lambda made: [
            {"ranking": list(chosen(one)) if one.winner != "tie" else [[one.a, one.b]]} for one in made
        ],
        winners=HARD,
        breaks=lambda row: row | {"ranking": "ada > bob"},
    ),
    "a row a place": Shape(
        "places.csv",
        lambda made: [
            {"match": one.number, "player": name, "rank": rank}
            for one in made
            for rank, name in enumerate(chosen(one), start=1)
        ],
        winners=DECIDED,
        breaks=lambda row: row | {"rank": "first"},
    ),
}

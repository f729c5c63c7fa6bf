"""A server of judges: each reads the quality that stands in the answers, and says which is better.

An answer holds `quality=NUMBER`. A model whose name begins with `sharp` prefers the higher with the logistic
of the difference, and gives log-probabilities; `hard` gives none; `refuses` answers 400 to who asks for them;
`first` always says A; `chatty` writes no verdict in every third answer; `noise` draws at random.
"""

import math
import random
import re
import threading
import time
from collections import Counter

from tests.support.threaded_server import JsonHandler, ThreadedServer

PROMPT_TOKENS, ANSWER_TOKENS = 100, 2


class JudgeServer(ThreadedServer):
    """The server, listening while the block runs; `asked` counts requests by model and text."""

    def __init__(self, seconds=0.0, context=None):
        self.asked, self.lock, self.bodies = Counter(), threading.Lock(), []
        outer = self

        class Handler(JsonHandler):
            protocol_version = "HTTP/1.1"

            def post(self):
                request = self.body()
                model, said = request["model"], request["messages"][-1]["content"]
                hello = said == "Hello"
                with outer.lock:
                    if not hello:
                        outer.bodies.append(request)
                        outer.asked[model, said] += 1
                    number = sum(n for (name, _), n in outer.asked.items() if name == model)
                time.sleep(seconds)
                if model.startswith("refuses") and request.get("logprobs"):
                    self.refuse(400, "logprobs is not supported by this model")
                    return
                if context is not None and len(said) > context and not hello:
                    self.refuse(400, f"This model's maximum context length is {context} tokens.")
                    return
                text, chances = answer(model, said, number)
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
                if request.get("logprobs") and model.startswith("sharp"):
                    choice["logprobs"] = {"content": chances}
                usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ANSWER_TOKENS}
                self.stream({"choices": [choice]}, {"choices": [], "usage": usage})

        super().__init__(Handler)


def token(text, shares):
    """A token and the log-probabilities of what could have stood there."""
    top = [{"token": one, "logprob": math.log(share)} for one, share in shares.items() if share > 0]
    return {"token": text, "logprob": math.log(shares[text]), "top_logprobs": top}


def answer(model, said, number):
    """What a judge writes, and its tokens."""
    if said == "Hello":
        return "Hello.", []
    found = [float(one) for one in re.findall(r"quality=(-?[\d.]+)", said)]
    if "from best to worst" in said:
        letters = "ABCDEFGH"[: len(found)]
        order = sorted(letters, key=lambda one: -found[letters.index(one)])
        return " > ".join(order), []
    if "from 1 (useless)" in said:
        level = min(9, max(2, round(5 + found[0])))
        shares = {str(level): 0.6, str(level - 1): 0.2, str(level + 1): 0.2}
        return str(level), [token(str(level), shares)]
    if "Write one line for each" in said:
        good, words = found[0] > 0, []
        word = ("yes" if good else "no") if "1: no" in said else ("4" if good else "2")
        other = {"yes": "no", "no": "yes", "4": "2", "2": "4"}[word]
        for line in re.findall(r"^(\d+)\. ", said, re.MULTILINE):
            words += [
                token(f"{line}: ", {f"{line}: ": 1.0}),
                token(word, {word: 0.75, other: 0.25}),
                token("\n", {"\n": 1.0}),
            ]
        return "".join(one["token"] for one in words), words
    share = 1 / (1 + math.exp(found[1] - found[0])) if found else 0.5
    if model.startswith("first"):
        share = 1.0
    if model.startswith("noise"):
        share = float(random.Random(number).random() < 0.5)
    letter = "A" if share > 0.5 else "B"
    if model.startswith("chatty") and number % 3 == 0:
        return "Both answers have their merits, and A lot depends on taste.", []
    return letter, [
        token(letter, {"A": 0.9 * share + 0.001, "C": 0.05, " B": 0.0, "B": 0.9 * (1 - share) + 0.001})
    ]

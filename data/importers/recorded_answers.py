"""Answers that models gave to prompts, from a file: what an arena without models shows.

Two layouts are known, told apart by their columns. Long: `prompt`, `model` and `answer`, a row an answer.
Wide: `prompt` and one column a model, a row a prompt. Either may have `prompt_id`, `category`, `language`.
A folder holds one file a model, `prompt` and `answer`; or MT-bench's answers beside its questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from agon.data.files.reader import DELIMITERS, JSON, PARQUET, Rows, ending, read_rows
from agon.data.importers.columns import digest
from agon.data.read_errors import is_utf8
from agon.data.validation import any_of, looks_like, quoted, rows_text, skeleton
from agon.ranking.errors import SourceError, suggest
from agon.ranking.text import join_names

_OPTIONAL = ("prompt_id", "category", "language")
LONG = ("model", "answer")
READABLE = (*DELIMITERS, *JSON, *PARQUET)
_QUESTIONS = "question.jsonl"  # of MT-bench, whose answers name them by number
# What published files call the same, and columns that are no model beside a wide file's answers.
OTHER_NAMES = {
    "prompt": ("instruction", "question", "input"),
    "model": ("generator", "model_id", "model_name"),
    "answer": ("response", "output", "completion"),
}
NO_MODEL = {
    "id",
    "index",
    "reference",
    "gold",
    "target",
    "label",
    "source",
    "dataset",
    "split",
    "tags",
    "sample",
}


@dataclass(frozen=True, slots=True)
class RecordedPrompt:
    """A prompt with the answers to it, by model."""

    prompt_id: str
    """The file's own, or ten hex digits of the SHA-1 of the prompt."""
    prompt: str
    answers: Mapping[str, str]
    category: str | None = None
    language: str | None = None
    again: Mapping[str, str] = field(default_factory=dict)
    """A second, other answer of a model, from the samples of `agon generate`."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The recorded answers of one file, in its order."""

    name: str
    """The file's name."""
    models: tuple[str, ...]
    prompts: tuple[RecordedPrompt, ...]
    left_out: tuple[str, ...]
    """The prompts that fewer than two models answered: there is nothing to compare."""

    def of(self, model: str) -> dict[str, str]:
        """Return a model's answers by prompt."""
        return {prompt.prompt: prompt.answers[model] for prompt in self.prompts if model in prompt.answers}

    def again(self, model: str) -> dict[str, str]:
        """Return a model's second answers by prompt, where it has two that differ."""
        return {prompt.prompt: prompt.again[model] for prompt in self.prompts if model in prompt.again}


class _Given(NamedTuple):
    """One answer as the file gives it; `answer` is None where a wide row has none."""

    row: int | str
    """Its number; of a folder, with its file."""
    prompt: str
    model: str
    answer: str | None
    prompt_id: str | None
    category: str | None
    language: str | None
    again: str | None = None
    """Another sample of the answer."""


def answers(path: str | Path) -> Answers:
    """Read recorded answers from a parquet, CSV, JSON or JSON lines file (.gz too), or a folder of them.

    Raises:
        SourceError: no such file, no such layout, or wrong rows, which are named: no prompt, no answer, two
            answers of one model to one prompt, names that look alike, a prompt with two ids, categories or
            languages; fewer than two models, or no prompt that two of them answered.
    """
    path = Path(path)
    given = [one for one in _folder(path) if one.answer is not None] if path.is_dir() else _file(path)
    models = tuple(dict.fromkeys(one.model for one in given))
    _check_models(path, given, models)
    _check_pairs(path, given)
    prompts, left_out = [], []
    for found in _by_prompt(given).values():
        if len(found) < 2:
            left_out.append(found[0].prompt)
        else:
            prompts.append(_prompt(path, found))
    if not prompts:
        raise SourceError(f"{path} has no prompt that two models answered; a comparison needs two answers.")
    _check_ids(path, prompts)
    return Answers(path.name, models, tuple(prompts), tuple(left_out))


def prompts(path: str | Path) -> tuple[RecordedPrompt, ...]:
    """Read prompts that nobody has answered: a line each of a .txt file, or the column `prompt` of a table.

    Returns:
        Each prompt once, in the order of the file, with its id, category and language and no answers.

    Raises:
        SourceError: no such file, no column `prompt`, or wrong rows, which are named.
    """
    path = Path(path)
    if path.suffix.lower() == ".txt":
        given = [_Given(i, one, "", None, None, None, None) for i, one in enumerate(_lines(path), 1) if one]
    else:
        rows = _in_our_names(_whole(path), needed=("prompt",))
        if "prompt" not in rows.columns:
            raise SourceError(
                f"{path} has no column 'prompt'; {suggest('prompt', rows.columns)} A file of prompts has a "
                "column prompt, or is a .txt with one on each line."
            )
        there = [column for column in _OPTIONAL if column in rows.columns]
        texts = {column: _texts(path, rows, column) for column in ("prompt", *there)}
        numbers = rows.numbers.tolist()
        if empty := [row for row, text in zip(numbers, texts["prompt"], strict=True) if text is None]:
            _refuse(path, "There is no prompt", empty, "fill it in, or leave the row out")
        given = []
        for i, row in enumerate(numbers):
            extra = [texts[column][i] if column in texts else None for column in _OPTIONAL]
            given.append(_Given(row, str(texts["prompt"][i]).strip(), "", None, *extra))
    if not given:
        raise SourceError(f"{path} holds no prompt; write one on each line, or in a column prompt.")
    found = [replace(_prompt(path, same), answers={}) for same in _by_prompt(given).values()]
    _check_ids(path, found)
    return tuple(found)


def _lines(path: Path) -> list[str]:
    """The lines of a text file, without the space around them."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}; check the path.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from None


def _file(path: Path) -> list[_Given]:
    """Read the answers of one file."""
    rows = _in_our_names(_whole(path))
    given = _long(path, rows) if _is_long(path, frozenset(rows.columns)) else _wide(path, rows)
    return [one for one in given if one.answer is not None]


def _whole(path: Path) -> Rows:
    """Read the rows of a file, all of which can be read."""
    rows = read_rows(path)
    if rows.broken:
        reason = rows.broken[0][0]
        _refuse(path, f"There is a {reason}", [row for why, row in rows.broken if why == reason], "mend it")
    return rows


def _folder(folder: Path) -> Iterator[_Given]:
    """Read a file a model, in the order of their names; a file that names its models is read as such."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and ending(file) in READABLE)
    questions = {file.name: file for file in files}.get(_QUESTIONS)
    if questions is not None:
        files.remove(questions)
        asked = dict(_questions(questions))
    if not files:
        raise SourceError(
            f"{folder} holds no file of answers; name a folder with one file a model, or a file."
        )
    for file in files:
        rows = _in_our_names(_whole(file), needed=("prompt", "answer"))
        where = file.relative_to(folder)
        if questions is not None:
            found = _mt_bench(file, rows, asked, questions)
        elif {"prompt", "answer"} <= set(rows.columns) and "model" not in rows.columns:
            found = _long(file, rows, model=file.name.partition(".")[0])
        else:
            found = _long(file, rows) if _is_long(file, frozenset(rows.columns)) else _wide(file, rows)
        yield from (one._replace(row=f"{one.row} of {where}") for one in found)


def _questions(path: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """The first prompt and the category of each question of MT-bench."""
    for record in _whole(path).records():
        turns = record.get("turns")
        if not (isinstance(turns, list) and turns and isinstance(turns[0], str)):
            raise SourceError(f"{path} has a question without turns; get the file again.")
        yield str(record.get("question_id")), (turns[0].strip(), record.get("category"))


def _mt_bench(
    path: Path, rows: Rows, asked: Mapping[str, tuple[str, str | None]], questions: Path
) -> Iterator[_Given]:
    """Read the first turn of MT-bench's answers, choices[0].turns[0], with the prompts of their questions."""
    for row, record in zip(rows.numbers.tolist(), rows.records(), strict=True):
        number = str(record.get("question_id"))
        try:
            model, text = record.get("model_id") or record["model"], record["choices"][0]["turns"][0]
        except (KeyError, IndexError, TypeError):
            _refuse(path, "There is no model_id or no choices", [row], "get the file again")
        if number not in asked:
            _refuse(path, f"There is a question_id {number!r} that {questions.name} has not", [row], "add it")
        prompt, category = asked[number]
        yield _Given(row, prompt, str(model), str(text), number, category, None)


def _in_our_names(rows: Rows, needed: Sequence[str] = ("prompt", *LONG)) -> Rows:
    """The rows with columns of other names by ours, where ours are not there, if all that is needed is."""
    theirs = {}
    for ours, others in OTHER_NAMES.items():
        found = [name for name in others if name in rows.columns]
        if ours not in rows.columns and found:
            theirs[found[0]] = ours
    if not (set(needed) - {*rows.columns, *theirs.values()}) and theirs:
        columns = tuple(theirs.get(name, name) for name in rows.columns)
        return replace(rows, source=rows.table().rename_columns(columns), columns=columns)
    return rows


def _is_long(path: Path, columns: frozenset[str]) -> bool:
    """Whether a row is an answer, and not a prompt with the answers of all models."""
    if {"question_id", "choices"} <= columns:
        raise SourceError(
            f"{path} holds MT-bench's answers, and their questions are in another file: put {_QUESTIONS} "
            "beside it and name the folder."
        )
    if "prompt" not in columns:
        raise SourceError(
            f"{path} has no column 'prompt'; {suggest('prompt', columns)} A file of answers has prompt, "
            "model and answer, or prompt and one column a model."
        )
    there = [column for column in LONG if column in columns]
    if len(there) == 1:
        (absent,) = set(LONG) - set(there)
        raise SourceError(
            f"{path} has a column {there[0]!r} but no {absent!r}; {suggest(absent, columns - {'prompt'})} "
            "Give both, or one column a model, or a folder with one file a model."
        )
    return len(there) == 2


def _long(path: Path, rows: Rows, model: str | None = None) -> Iterator[_Given]:
    """Read a row an answer; `model` is whose they are all, where no column says it."""
    needed = ("prompt", "answer") if model else ("prompt", *LONG)
    columns = [*needed, *(column for column in _OPTIONAL if column in rows.columns)]
    texts = {column: _texts(path, rows, column) for column in columns}
    beside, again = _samples(path, rows, texts)
    for column in needed:
        of_rows = enumerate(zip(rows.numbers.tolist(), texts[column], strict=True))
        empty = [row for i, (row, text) in of_rows if text is None and i not in beside]
        if empty:
            _refuse(path, f"There is no {column}", empty, "fill it in, or leave the row out")
    for i, row in enumerate(rows.numbers.tolist()):
        if i in beside:
            continue
        prompt, name = str(texts["prompt"][i]).strip(), model or str(texts["model"][i])
        extra = [texts[column][i] if column in texts else None for column in _OPTIONAL]
        one = _Given(row, prompt, name, texts["answer"][i], *extra)
        yield one._replace(again=again.get(i))


def _samples(
    path: Path, rows: Rows, texts: Mapping[str, list[str | None]]
) -> tuple[set[int], dict[int, str]]:
    """The rows of `agon generate` that nobody compares with others, failures and further samples of one;
    and by row the first sample that says something else."""
    if not {"failure", "sample", "settings"} <= set(rows.columns):
        return set(), {}
    failed = {i for i, one in enumerate(_texts(path, rows, "failure")) if one is not None}
    samples: Any = rows.values("sample")
    samples = samples if isinstance(samples, list) else samples.to_pylist()
    numbers = rows.numbers.tolist()
    if wrong := [row for row, one in zip(numbers, samples, strict=True) if not isinstance(one, int)]:
        _refuse(path, "The column 'sample' holds no whole number", wrong, "number the samples from 0")
    first: dict[tuple[str | None, str | None], int] = {}
    again: dict[int, str] = {}
    for i in sorted(set(range(len(samples))) - failed, key=lambda i: samples[i]):
        known = first.setdefault((texts["prompt"][i], texts["model"][i]), i)
        said = texts["answer"][i]
        if said is not None and said != texts["answer"][known]:
            again.setdefault(known, said)
    return set(range(len(samples))) - set(first.values()), again


def _wide(path: Path, rows: Rows) -> Iterator[_Given]:
    """Read a row a prompt; an empty cell is a model that was not asked."""
    names = [name for name in rows.columns if name not in ("prompt", *_OPTIONAL)]
    if not all(name.strip() for name in names):
        raise SourceError(f"{path} has a column without a name; name the model, or remove the column.")
    if none := [name for name in names if name.strip().lower() in NO_MODEL]:
        raise SourceError(
            f"{path} has the column{'s' if len(none) > 1 else ''} {join_names([repr(one) for one in none])} "
            "beside the answers, no model by name; remove that, call it prompt_id or category if it is one, "
            "or give the columns prompt, model and answer."
        )
    if len(names) < 2:
        raise SourceError(
            f"{path} has {f'only the column {names[0]!r}' if names else 'no column'} beside prompt; give the "
            "columns model and answer, or one column a model, two or more, or a folder with one file a model."
        )
    prompts = _texts(path, rows, "prompt")
    numbers = rows.numbers.tolist()
    empty = [row for row, prompt in zip(numbers, prompts, strict=True) if prompt is None]
    if empty:
        _refuse(path, "There is no prompt", empty, "fill it in, or leave the row out")
    extra = [
        _texts(path, rows, column) if column in rows.columns else [None] * len(numbers)
        for column in _OPTIONAL
    ]
    cells = [_texts(path, rows, name) for name in names]
    for i, row in enumerate(numbers):
        for name, column in zip(names, cells, strict=True):
            yield _Given(row, str(prompts[i]).strip(), name, column[i], *(values[i] for values in extra))


def _texts(path: Path, rows: Rows, column: str) -> list[str | None]:
    """A column as texts, blank ones as None; an id may be a number.

    Raises:
        SourceError: a value is no text.
    """
    values: Any = rows.values(column)
    values = values if isinstance(values, list) else values.to_pylist()
    texts: list[str | None] = []
    wrong: list[tuple[int, Any]] = []
    for row, value in zip(rows.numbers.tolist(), values, strict=True):
        if column == "prompt_id" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)  # noqa: PLW2901 (that is what it is here)
        if value is None or value != value:  # noqa: PLR0124 (NaN, the null of pandas, is not itself)
            texts.append(None)
        elif isinstance(value, str) and is_utf8(value):
            texts.append(value if value.strip() else None)
        else:
            wrong.append((row, value))
    if wrong:
        what = f"The column {quoted(column)} holds {quoted(str(wrong[0][1]))}, which is no text,"
        remedy = "write it as a text" + (", or leave the column out" if column in _OPTIONAL else "")
        _refuse(path, what, [row for row, _ in wrong], remedy)
    return texts


def _check_models(path: Path, given: list[_Given], models: tuple[str, ...]) -> None:
    """Refuse names that a person would take for one another, and fewer than two."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in models:
        alike[skeleton(name)].append(name)
        if name != name.strip():
            rows = [one.row for one in given if one.model == name]
            _refuse(path, f"The model name {quoted(name)} has spaces around it", rows, "trim it")
    for names in alike.values():
        if len(names) > 1:
            used = {name: [one.row for one in given if one.model == name] for name in names}
            usual, *rare = sorted(names, key=lambda name: -len(used[name]))
            what = f"The model name {any_of(rare)} {looks_like(rare[0], usual)}"
            remedy = "spell one model one way, or give the other a name of its own"
            _refuse(path, what, sorted(row for name in rare for row in used[name]), remedy)
    if len(models) < 2:
        who = f"answers of one model, {models[0]!r:.60}" if models else "no answers"
        raise SourceError(f"{path} has {who}; a comparison needs two models.")


def _check_pairs(path: Path, given: list[_Given]) -> None:
    """Refuse two answers of one model to one prompt."""
    seen: dict[tuple[str, str], int | str] = {}
    for one in given:
        first = seen.setdefault((one.prompt, one.model), one.row)
        if first != one.row:
            what = f"The model {quoted(one.model)} answers the prompt {quoted(one.prompt)} twice"
            _refuse(path, what, [first, one.row], "keep one")


def _by_prompt(given: list[_Given]) -> dict[str, list[_Given]]:
    """The answers to each prompt."""
    found: dict[str, list[_Given]] = {}
    for one in given:
        found.setdefault(one.prompt, []).append(one)
    return found


def _prompt(path: Path, found: list[_Given]) -> RecordedPrompt:
    """Put the answers to one prompt together.

    Raises:
        SourceError: the rows say different things of the prompt.
    """
    said: dict[str, str | None] = {}
    for name in _OPTIONAL:
        rows = {getattr(one, name): one.row for one in reversed(found) if getattr(one, name) is not None}
        if len(rows) > 1:
            what = f"The prompt {quoted(found[0].prompt)} has the {name} {any_of(rows)}"
            _refuse(path, what, sorted(rows.values()), "give it one")
        said[name] = next(iter(rows), None)
    prompt_id = said["prompt_id"] or digest(found[0].prompt)
    by_model = MappingProxyType({one.model: str(one.answer) for one in found})
    again = MappingProxyType({one.model: one.again for one in found if one.again is not None})
    return RecordedPrompt(prompt_id, found[0].prompt, by_model, said["category"], said["language"], again)


def _check_ids(path: Path, prompts: Iterable[RecordedPrompt]) -> None:
    """Refuse an id that two prompts have."""
    seen: dict[str, str] = {}
    for prompt in prompts:
        other = seen.setdefault(prompt.prompt_id, prompt.prompt)
        if other != prompt.prompt:
            raise SourceError(
                f"{path} has the prompt_id {prompt.prompt_id!r} for {other!r:.60} and for "
                f"{prompt.prompt!r:.60}; give each prompt its own."
            )


def _refuse(path: Path, what: str, rows: Sequence[int | str], remedy: str) -> NoReturn:
    """Raise the one sentence for wrong rows; texts of the file in it went through `quoted`."""
    sentence = f"{what} in {{rows}} of {{source}}; {remedy}."
    raise SourceError(sentence.format(rows=rows_text(rows, len(rows)), source=path))

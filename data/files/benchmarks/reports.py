"""Reports of evaluation tools as rows of model, task, metric and score: JSON documents, and logs of Inspect.

Which tools are known stands in `REPORTS`; what the rows become is the work of score_tables.py.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agon.data.files.benchmarks.helm import helm_run_scores, helm_tables, is_helm, is_helm_run
from agon.data.files.benchmarks.inspect_logs import inspect_results, is_inspect
from agon.data.files.benchmarks.lm_eval import is_lm_eval, lm_eval_results
from agon.data.files.benchmarks.reported_score import ReportedScore
from agon.data.files.reader import JSON, REPORT, check_file, ending, read_text
from agon.ranking.errors import SourceError

_HEAD = 1 << 16


@dataclass(frozen=True)
class Report:
    """A kind of report."""

    name: str
    needs: str
    """What it is recognised by, in words."""
    fits: Callable[[Any], bool]
    """Whether a document is one."""
    results: Callable[[Any, str], Iterator[ReportedScore]]
    """Its scores; the text is what messages call it."""


REPORTS = (
    Report(
        "lm-evaluation-harness", "results, a mapping of tasks, beside config", is_lm_eval, lm_eval_results
    ),
    Report("inspect", "eval (task and model) and results.scores", is_inspect, inspect_results),
    Report("helm", "header and rows", is_helm, helm_tables),
    Report("helm-run", "stats.json beside run_spec.json", is_helm_run, helm_run_scores),
)


def is_report(path: Path) -> bool:
    """Whether a file is a report, by its ending and its beginning."""
    if path.is_dir() or ending(path) not in JSON:
        return path.suffix == REPORT
    try:
        return _is_report_text(read_text(path))
    except SourceError:
        return False


def _is_report_text(text: str) -> bool:
    head = text[:_HEAD].lstrip()
    if head.startswith("["):  # lists of HELM; other lists are rows
        if re.match(r'\[\s*\{\s*"(title|header|name)"\s*:\s*["\[]', head):
            return '"rows"' in text
        if not re.match(r'\[\s*\{\s*"(name"\s*:\s*\{|instance_id"|run_path")', head):
            return False
    elif not head.startswith("{") or not re.search(r'"(results|eval|header|adapter_spec)"\s*:', text):
        return False
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return any(report.fits(document) for report in REPORTS)


def read_reports(paths: Sequence[Path]) -> tuple[str, list[ReportedScore]]:
    """Read reports.

    Returns:
        The tool that wrote them, and their scores, in the order of the files.

    Raises:
        SourceError: a file that is no such report, of another tool than the first, or damaged.
    """
    tool: Report | None = None
    results: list[ReportedScore] = []
    for path in paths:
        document = _document(path)
        found = next((report for report in REPORTS if report.fits(document)), None)
        if found is None or (tool is not None and found is not tool):
            kinds = "; ".join(f"{report.name} needs {report.needs}" for report in REPORTS)
            raise SourceError(
                f"{path} is no report of {tool.name if tool else 'a tool known here'} ({kinds})."
            )
        tool = found
        try:
            results += found.results(document, str(path))
        except SourceError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
            raise SourceError(
                f"{path} is no whole report of {found.name}: {what}; it may be of a newer version. Write its "
                "scores as a table of model, task and score."
            ) from None
    if tool is None or not results:
        raise SourceError(f"{', '.join(map(str, paths[:3]))} holds no score; check the run that wrote it.")
    return tool.name, results


def _document(path: Path) -> Any:
    if path.suffix != REPORT:
        try:
            return json.loads(read_text(path))
        except ValueError as error:
            line = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
            raise SourceError(f"{path} is not whole JSON: {line}get or write it again.") from None
    if not path.exists():
        check_file(path.with_suffix(".json") if not path.parent.is_dir() else path)
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("header.json"))
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        why = "it has no header.json" if isinstance(error, KeyError) else "it is cut short or no zip archive"
        raise SourceError(
            f"{path} is no finished log of Inspect: {why}; wait for the run to end, or convert it with: "
            f"inspect log convert {path} --to json --output-dir DIR"
        ) from None

"""`agon report`: what a study, or any votes, found, as one page that can be printed and quoted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import SourceArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain


def report_command(
    source: SourceArgument,
    /,
    *,
    to: Annotated[Path, Parameter(help="The .html file that is written.")],
    study: Annotated[
        str | None, Parameter(help="Name of a study of the log folder, where it holds several.")
    ] = None,
    names: Annotated[
        bool, Parameter(negative="", help="Call voters by their names instead of by numbers.")
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="Replace a file that is there.")] = False,
    judges: Annotated[
        list[Path] | None,
        Parameter(negative="", json_list=False, help="Votes of LLM judges, audited against those of people."),
    ] = None,
    reading: ReadingOptions = USUAL,
) -> None:
    """Write the report of a study: the decision, boards, agreement, checks, who voted, how to reproduce it.

    One page without scripts, to be opened, sent or printed, of a study by its .toml or its log folder. Of
    votes without a study it leaves out what only a study knows.

    For example:

    agon report study.toml --to report.html

    agon report votes.parquet --to report.html

    agon report votes.parquet --judges judged.parquet --to report.html
    """
    from agon.arena.web.report_page import check_report_target, write_report
    from agon.data.study_evidence import study_report

    check_report_target(to, force=force)
    if reading.criterion is not None:
        raise OptionError(
            "A report shows the votes as a whole beside those by criterion; leave --criterion out."
        )
    if len(source) == 1 and source[0].suffix.lower() == ".toml":
        from agon.arena.cli.studies.command import find_study

        folder, history = find_study(source[0], None, study)
        source, study = [folder], history.name
    with readable(source) as paths:
        given = {name: value for name, value in reading.keywords().items() if value}
        found = study_report(
            paths if len(paths) > 1 else paths[0],
            study=study,
            names=names,
            words=(*map(str, source), *reading.words()),
            progress=progress,
            judges=judges,
            **given,
        )
    write_report(found, to, force=force)
    print(plain(found.conclusion()))
    print(f"The report is in {to}.")

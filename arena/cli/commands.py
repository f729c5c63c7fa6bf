"""The command `agon`: which commands there are, and what an error is to a shell.

Each command is one function in the module of its name, named in `COMMANDS` and loaded when it is called; help
and version load none.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

import agon

if TYPE_CHECKING:
    from collections.abc import Sequence

# Command: its module and function, and one sentence.
COMMANDS = {
    "serve": ("serve:serve_command", "Open the arena: a blind voting page and a leaderboard."),
    "route-server": (
        "use.route_server:route_server_command",
        "Answer programs by the models, each conversation by one.",
    ),
    "effects": ("use.effects:effects_command", "Say what the models do to signals of use, by route-server."),
    "models": ("models:models_command", "Say whether each model answers, and how fast."),
    "generate": (
        "files.generate:generate_command",
        "Ask models for answers to a file of prompts, to compare later.",
    ),
    "embed": (
        "files.embed:embed_command",
        "Fetch a vector for each prompt from an embedding model.",
    ),
    "judge": (
        "files.judge:judge_command",
        "Let language models judge answers, in both orders, and audit what they say.",
    ),
    "study": (
        "studies.command:study_command",
        "Invite voters to a study, see how far they are, end it.",
    ),
    "invite": ("log.invite:invite_command", "Print links that let people into an arena, each of them once."),
    "rank": ("rank:rank_command", "Rank the models of a set of votes."),
    "board": ("board:board_command", "Open the leaderboard of any votes, scores or log in the browser."),
    "publish": (
        "files.publish:publish_command",
        "Write the leaderboard of any votes as a folder of pages.",
    ),
    "report": (
        "files.report:report_command",
        "Write what a study, or any votes, found as one page to print and to quote.",
    ),
    "check": ("check:check_command", "Say what stands between these votes and a ranking."),
    "decide": ("decide:decide_command", "Say which model to take, by quality, price, speed and licence."),
    "explain": (
        "explain.command:explain_command",
        "Say what a board rests on: votes that would change it, voters, pairs.",
    ),
    "diff": ("diff:diff_command", "Say who moved between two boards, and whether beyond chance."),
    "plan": ("plan:plan_command", "Say how many votes tell models apart, or how many more."),
    "doctor": ("doctor:doctor_command", "Say whether everything an arena needs is well, and what to mend."),
    "roster": (
        "log.roster:roster_command",
        "Say what became of the models of a log: listed, retired, tested and never listed.",
    ),
    "verify": (
        "log.verify:verify_command",
        "Say whether the record of a log is whole: events, texts, database.",
    ),
    "backup": (
        "log.backup:backup_command",
        "Copy a log whole, while the arena goes on, and verify the copy.",
    ),
    "erase": (
        "log.erase:erase_command",
        "Erase texts of a log, by person, battle or age; boards stay as they are.",
    ),
    "recover": ("log.recover:recover_command", "Mend a log of what is whole of it."),
    "compare-methods": (
        "tastes.comparison:compare_methods_command",
        "Say which method predicts votes best that it has not seen.",
    ),
    "tastes": (
        "tastes.kinds:tastes_command",
        "Say whether voters are of several kinds, who likes what, and who wins on which topic.",
    ),
    "route": (
        "tastes.route:route_command",
        "Say which model wins on prompts like one, at what price.",
    ),
    "methods": (
        "methods:methods_command",
        "List the ranking methods, or show one: when to use it, its options.",
    ),
    "import": ("import_votes:import_command", "Import votes of a published arena format into a log folder."),
    "export": (
        "files.export_votes:export_command",
        "Write votes in another form: for training, tables, elections.",
    ),
    "release": (
        "files.release:release_command",
        "Write a log as a data set to publish, private data covered, with a card.",
    ),
    "convert": ("files.export_votes:convert_command", "The same: agon convert votes.parquet -o votes.csv."),
    "counts": (
        "files.counts:counts_command",
        "Write votes as counts that add up with those of others.",
    ),
    "completion": (
        "commands:completion_command",
        "Print what makes a shell complete commands and options.",
    ),
    "simulate": ("simulate:simulate_command", "Make votes from known strengths."),
}
RENAMED = {
    "--lens": "--compare-rules",
    "--log": "--store",
    "--out": "--output",
    "--rounds": "--n-resamples",
}  # for one release
KNOWING = (
    "serve",
    "route-server",
    "doctor",
    "erase",
    "verify",
    "backup",
)  # they take addresses of stores themselves
# They get a copy of the store.
READERS = frozenset(COMMANDS) - {*KNOWING, "recover", "import", "study", "models", "generate", "simulate"}
# They count votes in a table of PostgreSQL, where an address is of no store.
COUNTING = ("rank", "explain", "decide", "tastes", "compare-methods", "counts")
STDIN = Path("/dev/stdin")  # what "-" stands for
EPILOGUE = (
    "Exit status: 0 fine; 1 check, diff, doctor or verify found something; 2 bad input or usage; "
    "130 interrupted."
)

app = App(
    name="agon",
    help="Compare language models blind, and turn the votes into leaderboards one can trust.",
    version=agon.__version__,
    help_epilogue=EPILOGUE,
    suppress_keyboard_interrupt=False,  # `main` says what an interrupt means
)
for _name, (_where, _help) in COMMANDS.items():
    app.command(f"agon.arena.cli.{_where}", name=_name, help=_help, help_epilogue="")


def completion_command(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Whose completion.")], /
) -> None:
    """Print the script that makes a shell complete commands, options, methods and files.

    For example:

    agon completion bash > ~/.local/share/bash-completion/completions/agon

    agon completion zsh > ~/.zfunc/_agon       (a folder of $fpath)

    agon completion fish > ~/.config/fish/completions/agon.fish
    """
    print(completion_script(shell))


def completion_script(shell: Literal["bash", "zsh", "fish"]) -> str:
    """The script; in bash names of files are escaped and folders end in a slash, zsh finds it as _agon."""
    script = app.generate_completion(prog_name="agon", shell=shell)
    if shell == "bash":
        files = 'COMPREPLY=( $(compgen -f -- "${cur}") )'
        script = script.replace(files, f"local IFS=$'\\n'; {files}")
        script = script.replace("complete -F _agon agon", "complete -o filenames -F _agon agon")
    return script.replace("_cyclopts_agon", "_agon")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a sign shows its number instead
        sys.stdout.reconfigure(errors="backslashreplace")
    given = [_renamed(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    try:
        if given and given[0] in COMMANDS:
            app[given[0]].help = None  # its own page shows its docstring, the list of commands one sentence
        with _copied(given) as words:
            result = app(
                words or ["--help"], exit_on_error=False, print_error=False, result_action="return_value"
            )
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _end(130, "interrupted; nothing is half written.")
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:
        status, sentence = _told(error)
        return _end(status, sentence)
    return result if isinstance(result, int) else 0


@contextmanager
def _copied(words: list[str]) -> Iterator[list[str]]:
    """The words with folders in the place of addresses of shared stores, of which they are copies.

    An address stays where a command counts votes in a table of it: where one is named, or no store is there.
    """
    if not words or words[0] in KNOWING or not any("://" in word for word in words):
        yield words
        return
    from agon.data.files.reader import refuse_address
    from agon.data.log.shared_store.opening import copied_log
    from agon.data.log.shared_store.shared_record import NoSharedLog
    from agon.data.store_address import StoreAddress, is_address
    from agon.ranking.errors import OptionError

    if words[0] not in READERS and any(map(is_address, words)):
        raise OptionError(
            f"agon {words[0]} takes a folder, not an address; agon backup ADDRESS --to FOLDER makes one."
        )
    counting = words[0] in COUNTING
    if counting and any(word.partition("=")[0] == "--table" for word in words):
        yield words
        return
    with ExitStack() as copies:
        found = []
        for word in words:
            place = word
            if is_address(word):
                try:
                    place = str(copies.enter_context(copied_log(StoreAddress(word))))
                except NoSharedLog:
                    if not counting:
                        refuse_address(word)
            found.append(place)
        yield found


def _renamed(word: str) -> str:
    """A word as the command knows it: standard input by its path, an option of before by its new name."""
    name, sign, value = word.partition("=")
    if name in RENAMED:
        print(f"agon: {name} is called {RENAMED[name]} now.", file=sys.stderr)
    return str(STDIN) if word == "-" else RENAMED.get(name, name) + sign + value


def _told(error: Exception) -> tuple[int, str]:
    """Exit status and one sentence for an error that a person can mend; any other is raised again."""
    from agon.arena.cli.doctor import missing_part
    from agon.ranking.errors import AgonError
    from agon.ranking.leaderboard.row import plain

    if isinstance(error, AgonError):
        return 2, plain(str(error))
    if isinstance(error, CycloptsError):
        return 2, f"{plain(usage_sentence(error))} See agon --help."
    if isinstance(error, ImportError) and (sentence := missing_part(error)):
        return 2, sentence
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        _discard_output()
        return 2, "there is no space left where the output goes; it is not complete."
    raise error


def _without_passwords(text: str) -> str:
    """A text with the addresses in it as they are shown; a usage error repeats what was written."""
    if "://" not in text:
        return text
    from agon.data.store_address import StoreAddress

    return re.sub(r"postgres(ql)?://[^\s'\"]+", lambda found: StoreAddress(found[0]).shown, text)


def usage_sentence(error: CycloptsError) -> str:
    """One sentence for a usage error, with the nearest word where there is one."""
    text = " ".join(_without_passwords(str(error)).split()).rstrip("., ") + "."
    return text.replace("?.", "?").replace('"', "'")


def _end(status: int, sentence: str) -> int:
    print(f"agon: {sentence}", file=sys.stderr)
    return status


def _discard_output() -> None:
    """Nobody takes what is still to be printed: let Python flush it into nothing when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

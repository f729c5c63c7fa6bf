"""The line of progress: share and time left on a terminal, gone at the end and after an interrupt."""

import os
import re
import select
import subprocess
import sys
import time

import pytest

from agon.arena.cli.output.progress_line import _Line, _span
from agon.arena.cli.simulate import as_table
from agon.data.files.writer import write_table
from agon.ranking import bradley_terry_world

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (59, "59 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h")]
)
def test_spans_are_said_as_one_would(seconds, said):
    assert _span(seconds) == said


def test_what_is_said_of_the_time_left():
    """A quarter in 10 s leaves 30 s; other work begins anew; a limit is counted down."""
    line = _Line("working")
    begun = line._begun
    assert line.remaining(begun + 1) == ""
    assert line.remaining(begun + 10) == " · 10 s"
    line.tell(0.25, None)
    assert line.remaining(begun + 10) == " · 25%, about 30 s left"
    line.tell(0, None)
    line.tell(0.5, None)
    line._counted_from = begun + 8
    assert line.remaining(begun + 10) == " · 50%, about 2 s left"
    line.tell(0, 30)
    assert line.remaining(line._end - 12) == " · at most 12 s left"


@pytest.fixture(scope="module")
def votes(tmp_path_factory):
    """Votes enough that the bootstrap of Elo takes its time, and so few that its share is soon said."""
    return write_table(
        as_table(bradley_terry_world(20, 3000, seed=1)), tmp_path_factory.mktemp("p") / "v.parquet"
    )


def test_a_long_work_says_its_share_and_an_interrupt_ends_it_clean(votes):
    """As a person does it: wait for the share, press Ctrl-C."""
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "agon", "rank", str(votes), "-m", "elo:permutations=2"]
    process = subprocess.Popen(
        ["setsid", "--ctty", *words, "--n-resamples", "20000"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen, end, pressed = "", time.monotonic() + 120, False
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.5)[0]:
                try:
                    more = os.read(ours, 65536).decode(errors="replace")
                except OSError:  # how Linux says that nobody writes to a terminal any more
                    break
                if not more:
                    break
                seen += more
            if not pressed and re.search(r"ranking 20 models: elo · \d+%, about \d+ (s|min|h) left", seen):
                pressed = True
                os.write(ours, b"\x03")
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert pressed, seen[-500:]
    assert seen.endswith("agon: interrupted; nothing is half written.\r\n")
    assert seen.rindex(SHOWN) > seen.rindex(HIDDEN)
    assert "Traceback" not in seen

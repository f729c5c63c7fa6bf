"""A real PostgreSQL server for tests: in a temporary folder, by a user who is not root, at a Unix socket."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PASSWORD = "canary-password"  # of a server that lives as long as a test


def _as_nobody() -> list[str]:
    """PostgreSQL does not run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []


@dataclass
class PostgresServer:
    """A server that can be stopped, killed and started again."""

    binaries: Path
    folder: Path
    durable: bool = False  # nobody takes the power away here

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._control("start", "-l", str(self.folder / "log"))

    def stop(self, how: str = "fast") -> None:
        """Stop it; "immediate" is a crash."""
        self._control("stop", "-m", how)

    def _control(self, *words: str) -> None:
        fsync = "on" if self.durable else "off"
        settings = f"-k {self.folder} -c listen_addresses='' -c max_connections=60 -c fsync={fsync}"
        more = ["-o", settings] if words[0] == "start" else []
        words = (*_as_nobody(), str(self.binaries / "pg_ctl"), "-w", "-D", str(self.folder / "data"), *words)
        with (self.folder / "control").open("ab") as said:
            subprocess.run([*words, *more], check=True, stdout=said, stderr=said, cwd="/")

    def database(self) -> str:
        """The address of a new database."""
        name = f"agon_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://agon:{PASSWORD}@/{name}?host={self.folder}"


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A server with a user agon, who has a password; skips the test where PostgreSQL is not installed."""
    if not BINARIES:
        pytest.skip("there is no PostgreSQL under /usr/lib/postgresql; apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="agon-pg-"))
    folder.chmod(0o777)
    (folder / "password").write_text(PASSWORD)
    server = PostgresServer(BINARIES[-1].parent, folder, durable)
    made = [*_as_nobody(), str(BINARIES[-1]), "-D", str(folder / "data"), "-U", "agon", "-A", "scram-sha-256"]
    try:
        subprocess.run(
            [*made, "--pwfile", str(folder / "password"), "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        server.start()
        yield server
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)

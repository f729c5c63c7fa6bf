"""The parts that Agon is installed in: which one an import that failed belongs to."""

from __future__ import annotations

PARTS = {
    "plots": ("plotly", "kaleido"),
    "arena": (
        "fastapi",
        "gradio",
        "jinja2",
        "latex2mathml",
        "markdown_it",
        "markupsafe",
        "nh3",
        "httpx",
        "py3langid",
        "pydantic",
        "pygments",
        "starlette",
        "uvicorn",
    ),
}


def missing_part(error: ImportError) -> str | None:
    """One sentence with the line that installs what is missing, or None if it is no part of ours."""
    found = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    package = (found.name or "").partition(".")[0]
    for part, packages in PARTS.items():
        if package in packages:
            return f"this needs the part {part!r}, which is not installed: pip install 'agon-arena[{part}]'"
    return None

"""The battle page in Gradio: the frame, the prompt box and the controls.

Nothing of a battle is in it. What is shown of a battle is rendered on the server (`view.py`) and
put into the two empty columns by `static/battle.js`, which also hears the buttons: Gradio runs no handler
here, so it has no endpoint to attack and no queue to fill, and its page is the same bytes for everybody.
"""

from __future__ import annotations

import os
import re

import gradio as gr

# All that is reachable of Gradio: its page, its theme, its assets.
PATHS = re.compile(r"/(|theme\.css|assets/[A-Za-z0-9._/-]+)\Z")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


class _Frame(gr.Blocks):
    """Blocks whose queue never runs: it would look a thousand times a second for events, and has none."""

    def run_startup_events(self) -> None:
        """Start nothing."""


def battle_page(title: str) -> gr.Blocks:
    """The page as Gradio blocks."""
    page = _Frame(title=title, analytics_enabled=False)
    with page:
        with gr.Column(elem_id="ag-view"):
            gr.Markdown("Opening the arena …", elem_id="ag-opening")
        with gr.Column(elem_id="ag-votebar"):
            with gr.Row(elem_id="ag-votes", elem_classes="ag-votes"):
                for key, words in (
                    ("a", "A is better"),
                    ("tie", "Equally good"),
                    ("both_bad", "Both bad"),
                    ("b", "B is better"),
                ):
                    gr.Button(words, elem_id=f"ag-vote-{key}", elem_classes="ag-vote", interactive=True)
            with gr.Column(elem_id="ag-voteline"):
                gr.Markdown(" ", elem_id="ag-hint")
        with gr.Column(elem_id="ag-ask", elem_classes="ag-ask"):
            gr.Textbox(
                label="Your prompt",
                placeholder="Ask anything, in any language",
                lines=3,
                max_lines=12,
                elem_id="ag-prompt",
            )
            with gr.Row(elem_id="ag-askrow"):
                gr.Button("Surprise me", elem_id="ag-surprise", variant="secondary")
                gr.Button("Start the battle", elem_id="ag-start", variant="primary")
        with gr.Column(elem_id="ag-below"):
            gr.Markdown(" ")
    return page


def mount(app: object, page: gr.Blocks) -> None:
    """Mount the page at / of a FastAPI app, with every door of Gradio's shut that has a key."""
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=gr.themes.Base(font=["Agon Sans", "sans-serif"], font_mono=["Agon Mono", "monospace"]),
        footer_links=[],
        show_error=False,
        max_file_size="1kb",
        allowed_paths=[],
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
    )

"""`agon completion`: the script by which a shell completes our words; it runs without Python."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from agon.arena.cli.commands import app


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

"""`menura rvc ...`: what RVC voices need beside themselves. Imports happen inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="What RVC voices need beside themselves.", rich_markup_mode=None, no_args_is_help=True)


@app.command()
def content(
    file: Annotated[
        Path,
        typer.Argument(help="hubert_base.pt, or ContentVec as pytorch_model.bin, .safetensors or .onnx."),
    ],
) -> None:
    """Installs the content model that all RVC voices share, from a file of yours."""
    from inference.rvc.content import content_folder, describe
    from inference.rvc.content_install import install_content

    about = install_content(file, content_folder(), lambda what, _: typer.echo(f"{what} ..."))
    typer.echo(f"Installed: {describe(about)}")


@app.callback()
def rvc() -> None:
    """Keeps `content` a command of its own."""

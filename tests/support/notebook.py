"""Notebooks that are executed by a kernel of their own, as an application does."""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["Recorder", "execute"]


class Recorder(NotebookClient):
    """Executes notebooks, and keeps what is shown of each display from its begin to its end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown: dict[str, list[dict[str, str]]] = {}

    def process_message(self, msg: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            content = msg["content"]
            key = content.get("transient", {}).get("display_id", "without a name")
            self.shown.setdefault(key, []).append(content["data"])
        return super().process_message(msg, *args, **kwargs)


def execute(folder: Path, *cells: str) -> tuple[Any, Recorder]:
    """Execute cells of code; return the notebook with their outputs, and what was shown before."""
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    )
    client = Recorder(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook, client

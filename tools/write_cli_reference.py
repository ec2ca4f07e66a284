"""Write docs/cli.md from the commands themselves; `--check` only says whether it is up to date.

python tools/write_cli_reference.py [--check]
"""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
NOTE = "<!-- Made by tools/write_cli_reference.py (`make fix`) from the commands themselves; do not edit. -->\n\n"


def reference() -> str:
    """Let Typer describe the commands, and turn its HTML emphasis into Markdown."""
    command = [sys.executable, "-m", "typer", "lookalike.cli", "utils", "docs", "--name", "lookalike"]
    wide = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=wide).stdout
    text = re.sub(r'<span style="font-weight: bold">(.*?)</span>', r"`\1`", text, flags=re.DOTALL)
    text = re.sub(r"^\* `--(install|show)-completion`.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^# `lookalike`", "# Command line", html.unescape(text))
    return NOTE + _whole_summaries(text).strip() + "\n"


def _whole_summaries(text: str) -> str:
    """Give each command in the list its whole first line, which Typer cuts short."""
    first_lines = dict(re.findall(r"^## `lookalike ([\w-]+)`\n\n(.+)$", text, flags=re.MULTILINE))
    return re.sub(
        r"^\* `([\w-]+)`: .*$",
        lambda found: (
            f"* [`{found[1]}`](#lookalike-{found[1]}): {first_lines[found[1]]}" if found[1] in first_lines else found[0]
        ),
        text,
        flags=re.MULTILINE,
    )


def main() -> int:
    """Write the reference, or compare it."""
    made = reference()
    if "--check" in sys.argv:
        if REFERENCE.is_file() and REFERENCE.read_text(encoding="utf-8") == made:
            return 0
        print("docs/cli.md is not what the commands say: run `make fix`", file=sys.stderr)
        return 1
    REFERENCE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

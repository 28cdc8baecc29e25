"""`python -m pictures`: draws docs/*.svg from the assembly in cdk.out."""

import sys
from pathlib import Path

from pictures.gallery import gallery
from tests.templates import Assembly

DOCS = Path(__file__).parents[1] / "docs"


def main() -> int:
    """Writes every picture."""
    directory = Path("cdk.out")
    if not (directory / "manifest.json").is_file():
        print("pictures: there is no cdk.out: run `make synth` first.", file=sys.stderr)
        return 2
    for name, picture in gallery(Assembly(directory)).items():
        (DOCS / name).write_text(picture.svg(), encoding="utf-8")
        print(f"docs/{name} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())

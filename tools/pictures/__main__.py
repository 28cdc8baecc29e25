"""`python -m tools.pictures`: writes docs/*.svg from the cloud assembly in cdk.out."""

import sys
from pathlib import Path

from tools.pictures.assembly import read_stacks
from tools.pictures.picture import PICTURES, faults, read, svg

if __name__ == "__main__":
    if not (stacks := read_stacks(Path("cdk.out"))):
        sys.exit("pictures: there is no cloud assembly in cdk.out: run `make synth` first")
    for name in PICTURES:
        fields, facts = read(name, stacks)
        if found := list(faults(name, fields, facts)):
            sys.exit(
                "\n".join([*found, f"docs/{name}.svg is unchanged; no test fails while the delivery has another shape"])
            )
        Path(f"docs/{name}.svg").write_text(svg(name, fields), "utf-8")
        print(f"docs/{name}.svg is up to date")

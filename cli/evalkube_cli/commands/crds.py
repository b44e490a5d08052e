"""`evalkube crds`: writes the definitions that are generated from the models, or checks that they are up to date."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from evalkube_cli import written
from evalkube_crds import schema

__all__ = ["app", "yaml_of"]

app = typer.Typer(add_completion=False)

_HEAD: Final = "# Generated from the models by `evalkube crds`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """A YAML writer without anchors: each value is written out, because anchors are hard to review."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@app.command()
def main(
    output: Annotated[
        Path | None, typer.Option(help="Folder to write the YAML files to.", show_default="print")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where files differ.")] = False,
) -> None:
    """Write the CustomResourceDefinitions of EvalRun and PerfRun as YAML."""
    if output is None:
        typer.echo("---\n".join(yaml_of(crd) for crd in schema.crds().values()), nl=False)
        return
    written.write({output / name: yaml_of(crd) for name, crd in schema.crds().items()}, check=check)


def yaml_of(crd: dict[str, Any]) -> str:
    """One definition as YAML. Keys keep their order."""
    return _HEAD + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

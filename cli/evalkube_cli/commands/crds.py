"""`evalkube crds`: writes what is generated from the models, or checks that it is what was written."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from evalkube_crds import parameters, schema

__all__ = ["app", "yaml_of"]

app = typer.Typer(add_completion=False)

_HEAD: Final = "# Generated from the models by `evalkube crds`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes every value out: an anchor saves bytes and costs readers and reviewers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@app.command()
def main(
    output: Annotated[
        Path | None, typer.Option(help="Folder to write the YAML files to.", show_default="print")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="Also write the reference of all parameters to this file.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where files differ.")] = False,
) -> None:
    """Write the CustomResourceDefinitions of EvalRun and PerfRun as YAML."""
    wanted = {}
    if output is not None:
        wanted = {output / name: yaml_of(crd) for name, crd in schema.crds().items()}
    elif docs is None:
        typer.echo("---\n".join(yaml_of(crd) for crd in schema.crds().values()), nl=False)
        return
    if docs is not None:
        wanted[docs] = parameters.markdown()
    differing = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in differing:
        if check:
            typer.echo(f"{path}: is not what the models generate; run `evalkube crds`", err=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], "utf-8")
            typer.echo(f"wrote {path}")
    if check and differing:
        raise typer.Exit(1)


def yaml_of(crd: dict[str, Any]) -> str:
    """One definition as YAML: keys in the order they were made in, nothing abbreviated."""
    return _HEAD + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

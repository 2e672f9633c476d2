"""What the shell completes: `qthermo completion bash | zsh | fish`."""

import ast
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

import qthermo_jax

VARIABLE = "_QTHERMO_COMPLETE"
_WHERE = {
    "bash": '~/.bashrc: eval "$(qthermo completion bash)"',
    "zsh": '~/.zshrc: eval "$(qthermo completion zsh)"',
    "fish": "~/.config/fish/completions/qthermo.fish: qthermo completion fish | source",
}


@click.command(epilog="\b\nOne line switches it on, in\n" + "\n".join(_WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script by which SHELL completes commands, options, files and names."""
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(context.find_root().command, {}, "qthermo", VARIABLE).source())


def model_names(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The built-in models that begin so; where there is none, files."""
    return _beginning(begun, _built_in_models()) or [CompletionItem(begun, type="file")]


def variable_names(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The variables of FILE, where it is given before."""
    from qthermo_jax.sweeping.store.contents import names_in

    # While the value of an option is missing, click leaves what stands before it unread.
    given = [context.params.get("file"), *(context.params.get("files") or ()), *context.args]
    file = next((Path(word) for word in given if word and Path(word).is_file()), None)
    return _beginning(begun, names_in(file) if file else [])


def _beginning(begun: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def _built_in_models() -> list[str]:
    """Their names, read and not imported: that would load JAX while somebody waits for a key."""
    source = Path(*qthermo_jax.__path__, "models", "__init__.py").read_text(encoding="utf-8")
    listed = next(
        statement.value
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"
    )
    names: list[str] = ast.literal_eval(listed)
    return names

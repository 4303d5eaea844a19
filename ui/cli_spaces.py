"""`footnote spaces`."""

from __future__ import annotations

import typer

from ui import terminal
from ui.command import JsonOption, open_library_face

spaces_app = typer.Typer(help="Spaces: named collections of documents.", no_args_is_help=True)


@spaces_app.command("list")
def spaces_list(as_json: JsonOption = False) -> None:
    """List the spaces."""
    from ui import present

    with open_library_face() as library:
        found = library.spaces()
    if as_json:
        terminal.out_json({"spaces": [present.space(one) for one in found]})
        return
    terminal.table(("SPACE", "DOCUMENTS"), ((one.name, one.documents) for one in found))


@spaces_app.command("add")
def spaces_add(name: str, as_json: JsonOption = False) -> None:
    """Make a space."""
    with open_library_face() as library:
        made = library.add_space(name)
    terminal.out_json({"space": made.name, "documents": 0}) if as_json else terminal.out(f"made  {made.name}")


@spaces_app.command("rename")
def spaces_rename(name: str, new_name: str, as_json: JsonOption = False) -> None:
    """Give a space another name."""
    with open_library_face() as library:
        space = library.rename_space(name, new_name)
    shown = {"space": space.name, "documents": space.documents}
    terminal.out_json(shown) if as_json else terminal.out(f"renamed  {name} to {space.name}")


@spaces_app.command("remove")
def spaces_remove(name: str, as_json: JsonOption = False) -> None:
    """Remove a space with all its documents. `default` itself stays, empty."""
    with open_library_face() as library:
        count = library.remove_space(name)
    shown = {"space": name, "removed": count}
    terminal.out_json(shown) if as_json else terminal.out(f"removed  {name}, with {count} documents")

"""Finds names whose values may differ in each import: a process id, a time, a temporary folder.

A value made of literals and classes is the same in every import; where it differs, the application
has set it since. A value that a function returns at a file's top level, or that is made of other
names, may differ by itself. It belongs to the import, unless the source shows that the name is
bound later as well.
"""

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

# An entry of a module or class: ``("app", "Registry", "entries")``, ``("app", "", "REGISTRY")``.
Place = tuple[str, str, str]

ALL = "*"


class Names:
    """The names that some modules bind, and when, according to their source."""

    def __init__(self, modules: Iterable[str]) -> None:
        trees = {module: syntax_tree(module) for module in modules}
        self._made = {place for module, tree in trees.items() for place in _made(module, "", tree)}
        self._later = {
            found for module, tree in trees.items() for found in _bound_later(module, tree)
        }

    def are_made_by_import_alone(self, place: Place) -> bool:
        """Return whether only the import binds a place, to a value that may differ each time."""
        is_made = not self._made.isdisjoint({place, (*place[:2], ALL)})
        return is_made and not self.are_bound_later(place)

    def are_bound_later(self, place: Place) -> bool:
        """Return whether other code binds a place: ``global X``, ``module.X = 1``, ``setattr``."""
        module, owner, name = place
        last = (owner or module).rpartition(".")[2]
        scopes = (last, "cls") if owner else (last, module)
        return any((scope, bound) in self._later for scope in scopes for bound in (name, ALL))


def _made(module: str, owner: str, parent: ast.AST) -> Iterator[Place]:
    """Yield the names that a module or class binds to values that may differ between imports."""
    for node in ast.iter_child_nodes(parent):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.ClassDef(name=name):
                yield from _made(module, f"{owner}.{name}".lstrip("."), node)
            case ast.ImportFrom(names=names):
                yield from ((module, owner, alias.asname or alias.name) for alias in names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
                if node.value and _may_differ(module, node.value):
                    for target in ast.walk(node):
                        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                            yield module, owner, target.id
            case _:
                yield from _made(module, owner, node)


def _may_differ(module: str, value: ast.expr) -> bool:
    """Return whether an expression contains a name of anything but a class or a module.

    A class makes the same object of the same arguments.
    """
    names = (node for node in ast.walk(value) if isinstance(node, ast.Name | ast.Attribute))
    return not all(isinstance(_find(module, name), type | ModuleType) for name in names)


def syntax_tree(module: str) -> ast.Module:
    try:
        return ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError, ValueError):  # there is no source
        return ast.Module([], [])


def _find(module: str, expression: ast.expr) -> object:
    """Return what a dotted name is bound to in a module now; None for anything else."""
    match expression:
        case ast.Name(id=name):
            return vars(sys.modules[module]).get(name, getattr(builtins, name, None))
        case ast.Attribute(value=base, attr=name):
            scope = _find(module, base)
            return vars(scope).get(name) if isinstance(scope, ModuleType | type) else None
    return None


def _bound_later(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield names that are bound later, each after the last name of its module or class.

    The name is ``*`` where any name of that scope may be bound.
    """
    nodes = list(ast.walk(tree))
    names = {
        node.asname: node.name.rpartition(".")[2]
        for node in nodes
        if isinstance(node, ast.alias) and node.asname
    }
    for node in nodes:
        match node:
            case ast.Global(names=bound):
                yield from ((module, name) for name in bound)
            case ast.Call(func=ast.Name(id="globals")):
                yield module, ALL
            case (
                ast.Call(func=ast.Name(id="setattr" | "vars"), args=[base, *_])
                | ast.Attribute(value=base, attr="__dict__")
            ):
                scope = _scope(base, module)
                yield names.get(scope, scope), ALL
            case ast.Attribute(value=base, attr=name, ctx=ast.Store()):
                scope = _scope(base, module)
                yield names.get(scope, scope), name


def _scope(base: ast.expr, module: str) -> str:
    """Return ``settings`` for ``app.settings`` and for ``sys.modules["app.settings"]``.

    ``import_module("app.settings")`` gives the same; an expression of another form gives "".
    """
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=part) | ast.Call(args=[part, *_]):
            if isinstance(part, ast.Constant):
                return str(part.value).rpartition(".")[2]
            return module if ast.unparse(part) == "__name__" else ""
    return ""

"""Finds names that an application's import sets anew in each process: a process id, a time, a
temporary folder.

What is made of literals and classes is the same in every import: where it differs, the application
has set it since. What a function returns at a file's top may differ by itself, and what is made of
other names too; that is the import's, unless the source shows that the name is bound later as well.
"""

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

# A module's or a class's entry: ``("app", "Registry", "entries")``, ``("app", "", "REGISTRY")``.
Place = tuple[str, str, str]

ALL = "*"


class Names:
    """What the source of some modules says about what they bind, and when."""

    def __init__(self, modules: Iterable[str]) -> None:
        trees = {module: syntax_tree(module) for module in modules}
        self._made = {place for module, tree in trees.items() for place in _made(module, "", tree)}
        self._later = {
            found for module, tree in trees.items() for found in _bound_later(module, tree)
        }

    def are_made_by_import_alone(self, place: Place) -> bool:
        """Whether a place's value may differ between two imports, and only these bind it."""
        is_made = not self._made.isdisjoint({place, (*place[:2], ALL)})
        return is_made and not self.are_bound_later(place)

    def are_bound_later(self, place: Place) -> bool:
        """Whether code binds it from elsewhere: ``global X``, ``module.X = 1``, ``setattr``."""
        module, owner, name = place
        last = (owner or module).rpartition(".")[2]
        scopes = (last, "cls") if owner else (last, module)
        return any((scope, bound) in self._later for scope in scopes for bound in (name, ALL))


def _made(module: str, owner: str, parent: ast.AST) -> Iterator[Place]:
    """Names that a module or class binds to what may differ between two imports."""
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
    """Whether it has a name in it of what is neither a class, which makes the same of the same,
    nor a module."""
    names = (node for node in ast.walk(value) if isinstance(node, ast.Name | ast.Attribute))
    return not all(isinstance(_find(module, name), type | ModuleType) for name in names)


def syntax_tree(module: str) -> ast.Module:
    try:
        return ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError, ValueError):  # there is no source
        return ast.Module([], [])


def _find(module: str, expression: ast.expr) -> object:
    """What a dotted name is in a module now; None where it is nothing, or no such name."""
    match expression:
        case ast.Name(id=name):
            return vars(sys.modules[module]).get(name, getattr(builtins, name, None))
        case ast.Attribute(value=base, attr=name):
            scope = _find(module, base)
            return vars(scope).get(name) if isinstance(scope, ModuleType | type) else None
    return None


def _bound_later(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """A scope, by its module's or its class's last name, and a name in it, or all."""
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
    """``settings`` of ``app.settings``, ``sys.modules["app.settings"]``, ``import_module(…)``."""
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=part) | ast.Call(args=[part, *_]):
            if isinstance(part, ast.Constant):
                return str(part.value).rpartition(".")[2]
            return module if ast.unparse(part) == "__name__" else ""
    return ""

"""
How far somebody walks who follows one value through the calls that pass it on.

The walk begins in a function with one of its parameters. Its calls are taken as they run, those in
the arguments of a call before the call itself, each with all that it leads to before the next. A
call is followed if the value, or an attribute of it (``work.status``), is an argument or has the
method that is called; then the walk is in the module of what is called, and goes on from there with
the parameters that have received it. A function is read once for the same parameters; a class that
is made of the value is a stop. Nothing is walked back: after the last call of a function the walk
is wherever the caller's next call leads.

A name that is given to the value follows it; a name that is given to an attribute of it does not. A
value that becomes another at each stage is followed by the classes of its stages: a name for what a
followed call returns follows it if it is of one of them.

What is called is found by what is written down: names, and the types of parameters, fields and
results. A property is no call; a callable in an attribute, and what is in a collection, are lost.
"""

import ast
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from typing import NamedTuple


class Start(NamedTuple):
    """Where a walk begins."""

    module: str
    function: str
    """``name``, or ``Class.name``."""
    parameter: str
    stages: frozenset[str] = frozenset()
    """Names of the classes that the value becomes on the way."""


class Figures(NamedTuple):
    """How long a walk is."""

    stays: int
    """In one module, from coming to leaving."""
    modules: int
    climbs: int
    """Moves to a part above: a folder of the package, or module beside them, that imports it."""
    climbs_by_import: int
    """Moves to a module that imports the one just left, itself or by way of others."""
    returns: int
    """Stays in a module that had been left before."""


def figures(trees: Mapping[str, ast.Module], start: Start, *, made: bool = False) -> Figures | None:
    """
    Return how long a walk through the modules of *trees* is; None if there is no such start.

    If *made* is set, all that a followed call returns is followed, whatever its class.
    """
    program = _Program(trees)
    function = program.functions.get(f"{start.module}.{start.function}")
    if function is None or start.parameter not in function.annotations:
        return None
    walk = _Walk(program, start.stages, made=made)
    walk.enter(_Called(start.module, function, None), frozenset({start.parameter}))
    stays = [module for module, _ in groupby(walk.modules)]
    modules = {name: set(imported(tree)) & trees.keys() for name, tree in trees.items()}
    parts: dict[str, set[str]] = {}
    for name, others in modules.items():
        parts.setdefault(_part(name), set()).update(map(_part, others))
    return Figures(
        stays=len(stays),
        modules=len(set(stays)),
        climbs=sum(_part(a) in _below(_part(b), parts) for a, b in pairwise(stays)),
        climbs_by_import=sum(a in _below(b, modules) for a, b in pairwise(stays)),
        returns=len(stays) - len(set(stays)),
    )


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the modules that are imported, and others: what is imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _part(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _below(name: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = set(imports[name])
    while ahead:
        found |= ahead
        ahead = set().union(*(imports[each] for each in ahead)) - found
    return found - {name}


class _Function:
    def __init__(
        self, module: str, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str | None
    ) -> None:
        self.module, self.body, self.returns, self.owner = module, node.body, node.returns, owner
        static = any(
            isinstance(e, ast.Name) and e.id == "staticmethod" for e in node.decorator_list
        )
        arguments = [*node.args.posonlyargs, *node.args.args]
        bound = owner is not None and not static
        self.receiver = arguments.pop(0).arg if bound else None
        self.positional = [each.arg for each in arguments]
        self.annotations = {
            each.arg: each.annotation for each in (*arguments, *node.args.kwonlyargs)
        }


class _Called(NamedTuple):
    module: str
    function: _Function | None
    """None: a class that has no ``__init__`` of its own."""
    result: str | None
    """The class of what it returns, if that is known."""


class _Program:
    """What the names of a package stand for, classes by their full name."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self.functions: dict[str, _Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self._modules: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._fields: dict[str, dict[str, str | None]] = {}
        for module, tree in trees.items():
            names = self._names[module] = {}
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    for each in node.names:
                        names[each.asname or each.name] = f"{node.module}.{each.name}"
            for node in tree.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    names[node.name] = f"{module}.{node.name}"
                    self._define(module, node)

    def _define(
        self, module: str, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> None:
        full = f"{module}.{node.name}"
        if not isinstance(node, ast.ClassDef):
            self.functions[full] = _Function(module, node, None)
            return
        self.classes[full], self._modules[full] = node, module
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[f"{full}.{each.name}"] = _Function(module, each, full)

    def named(self, node: ast.expr | None, module: str) -> str | None:
        """Return the full name of what a name in a module, or a name behind dots, stands for."""
        if isinstance(node, ast.Name):
            full = self._names[module].get(node.id)
        elif isinstance(node, ast.Attribute):
            owner = self.named(node.value, module)
            full = f"{owner}.{node.attr}" if owner else None
        else:
            return None
        while full:  # A module may only pass on what it has imported.
            holder, _, name = full.rpartition(".")
            further = self._names.get(holder, {}).get(name, full)
            if further == full:
                break
            full = further
        return full

    def written(self, annotation: ast.expr | None, module: str) -> str | None:
        """Return the class that an annotation names, the first of several."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        if isinstance(annotation, ast.BinOp):
            left = self.written(annotation.left, module)
            return left or self.written(annotation.right, module)
        full = self.named(annotation, module)
        return full if full in self.classes else None

    def method(self, owner: str, name: str) -> _Function | None:
        found = self.functions.get(f"{owner}.{name}")
        for base in self.classes[owner].bases:
            full = self.named(base, self._modules[owner])
            if found is None and full in self.classes:
                found = self.method(full, name)
        return found

    def types(self, function: _Function) -> dict[str, str | None]:
        """Return the classes of the parameters."""
        found = {
            name: self.written(each, function.module) for name, each in function.annotations.items()
        }
        return found | ({function.receiver: function.owner} if function.receiver else {})

    def fields(self, owner: str) -> Mapping[str, str | None]:
        """Return the classes of the attributes of a class: declared, or set by ``__init__``."""
        if owner in self._fields:
            return self._fields[owner]
        found = self._fields[owner] = {}
        module = self._modules[owner]
        for node in self.classes[owner].body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = self.written(node.annotation, module)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = self.written(node.returns, module)
        if (init := self.functions.get(f"{owner}.__init__")) is not None:
            types = self.types(init)
            for each in ast.walk(ast.Module(init.body, [])):
                if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Attribute):
                    found[each.targets[0].attr] = self.type_of(each.value, module, types)
        return found

    def type_of(self, node: ast.expr, module: str, types: Mapping[str, str | None]) -> str | None:
        """Return the class of an expression, as far as it is written down."""
        if isinstance(node, ast.Name):
            return types.get(node.id)
        if isinstance(node, ast.Await | ast.NamedExpr):
            return self.type_of(node.value, module, types)
        if isinstance(node, ast.BoolOp | ast.IfExp):
            of = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return next(filter(None, (self.type_of(each, module, types) for each in of)), None)
        if isinstance(node, ast.Attribute):
            owner = self.type_of(node.value, module, types)
            return self.fields(owner).get(node.attr) if owner else None
        called = self.called(node.func, module, types) if isinstance(node, ast.Call) else None
        return called.result if called else None

    def called(
        self, node: ast.expr, module: str, types: Mapping[str, str | None]
    ) -> _Called | None:
        """Return what a call of this expression calls."""
        full = self.named(node, module)
        if full in self.classes:
            init = self.functions.get(f"{full}.__init__")
            return _Called(self._modules[full], init, full)
        function = self.functions.get(full or "")
        if function is None and isinstance(node, ast.Attribute):
            owner = self.type_of(node.value, module, types)
            function = self.method(owner, node.attr) if owner else None
        if function is None:
            return None
        result = self.written(function.returns, function.module)
        return _Called(function.module, function, result)


class _Walk:
    def __init__(self, program: _Program, stages: frozenset[str], *, made: bool) -> None:
        self.program, self.stages, self.made = program, stages, made
        self.modules: list[str] = []
        self._read: set[tuple[_Function, frozenset[str]]] = set()

    def enter(self, called: _Called, received: frozenset[str]) -> None:
        """Go to what is called, and on from there if it has not been read yet."""
        self.modules.append(called.module)
        function = called.function
        if function is not None and (function, received) not in self._read:
            self._read.add((function, received))
            reading = _Reading(self, function, received)
            for each in function.body:
                reading.visit(each)


class _Reading(ast.NodeVisitor):
    """One function, read with the names that stand for the value."""

    def __init__(self, walk: _Walk, function: _Function, received: frozenset[str]) -> None:
        self._walk, self._program, self._module = walk, walk.program, function.module
        self._types = walk.program.types(function)
        self._functions: dict[str, list[ast.expr]] = {}
        self._value = set(received)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        for called in self._called(node):
            if received := self._received(node, called.function):
                self._walk.enter(called, received)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for each in node.targets:
            self._bind(each, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._bind(node.target, node.value)
        if isinstance(node.target, ast.Name):
            self._types[node.target.id] = self._program.written(node.annotation, self._module)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target, node.value)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple):
            several = value.elts if isinstance(value, ast.Tuple) else [value] * len(target.elts)
            for one, of in zip(target.elts, several, strict=False):
                self._bind(one, of)
        elif isinstance(target, ast.Name):
            choice = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            self._functions[target.id] = choice
            self._types[target.id] = self._type(value) or self._types.get(target.id)
            if self._is_value(value):
                self._value.add(target.id)

    def _type(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Call):
            return next((each.result for each in self._called(node) if each.result), None)
        return self._program.type_of(node, self._module, self._types)

    def _called(self, call: ast.Call) -> list[_Called]:
        """Return what is called; several if a name may stand for one or the other."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        choice = self._functions.get(name, [call.func])
        found = (self._program.called(each, self._module, self._types) for each in choice)
        return [each for each in found if each is not None]

    def _is_value(self, node: ast.expr, *, parts: bool = False) -> bool:
        """Whether it stands for the value; with *parts*, for an attribute of it as well."""
        match node:
            case ast.Name(id=name):
                return name in self._value
            case ast.Await(value=inner) | ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                return self._is_value(inner, parts=parts)
            case ast.BoolOp(values=several):
                return any(self._is_value(each, parts=parts) for each in several)
            case ast.IfExp(body=one, orelse=other):
                return self._is_value(one, parts=parts) or self._is_value(other, parts=parts)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return (parts or self._is_stage(node)) and self._is_value(inner)
            case ast.Call() if self._walk.made or self._is_stage(node):
                return any(self._received(node, each.function) for each in self._called(node))
        return False

    def _is_stage(self, node: ast.expr) -> bool:
        return (self._type(node) or "").rpartition(".")[2] in self._walk.stages

    def _received(self, call: ast.Call, function: _Function | None) -> frozenset[str]:
        """Return the parameters that receive the value; any words, if they are not known."""
        positional = function.positional if function else []
        found = {
            positional[index] if index < len(positional) else "*"
            for index, each in enumerate(call.args)
            if self._is_value(each, parts=True)
        }
        found |= {k.arg or "**" for k in call.keywords if self._is_value(k.value, parts=True)}
        if function and function.receiver and isinstance(call.func, ast.Attribute):
            holds = self._is_value(call.func.value, parts=True)
            found |= {function.receiver} if holds else set()
        return frozenset(found)

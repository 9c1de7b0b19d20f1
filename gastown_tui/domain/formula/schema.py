"""What a formula file may hold: the keys of `bd` and of `gt`, in one schema.

Keys that only this package knows: `loop.let` and `condition` of a gate table.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

Scalar: TypeAlias = str | bool | int | float
Kind: TypeAlias = Literal["workflow", "convoy", "expansion", "aspect"]
Texts: TypeAlias = tuple[str, ...]

MAX_STEPS: Final = 10_000
"""Steps that one molecule may have."""
MAX_TEXT: Final = 20_000_000
"""Characters of all texts of one molecule."""
MAX_NESTING: Final = 5
"""How deep expansions may hold expansions, and loops loops."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all tables; unknown keys are left for `parse.unknown_keys` to name."""


class Var(_Table, frozen=True, kw_only=True):
    """A variable; a plain value in its place is its default."""

    description: str = ""
    default: Scalar | None = None
    required: bool | None = None
    """None: needed only when a step uses it; False: empty when it is not given."""
    enum: tuple[Scalar, ...] = ()
    pattern: str = ""
    """A regular expression that is searched for in the value."""
    type: str = ""
    """`string`, `int`, `number` or `bool`."""
    required_unless: Texts = ()
    """Of an input: needed unless one of these is given."""


class Gate(_Table, frozen=True, kw_only=True):
    """What a step waits for outside of the molecule."""

    type: str = ""
    """`human`, `timer`, `bead`, `mail`, `gh:run`, `gh:pr`, or `conditional`."""
    id: str = ""
    await_id: str = ""
    timeout: str = ""
    """As in `30m`."""
    condition: str = ""
    """With type `conditional`."""


class OnComplete(_Table, frozen=True, kw_only=True):
    """Molecules to bond for each part of a step's output."""

    for_each: str = ""
    bond: str = ""
    vars: dict[str, Scalar] = {}
    parallel: bool = False
    sequential: bool = False


class StepTable(_Table, frozen=True, kw_only=True):
    """A step as a file says it; also a part of a template."""

    id: str
    title: str = ""
    description: str = ""
    notes: str = ""
    acceptance: str = ""
    type: str = ""
    priority: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    labels: Texts = ()
    metadata: dict[str, Any] = {}
    depends_on: Texts = ()
    needs: Texts = ()
    waits_for: str = ""
    assignee: str = ""
    agent: str = ""
    review_only: bool = False
    parallel: bool = False
    interactive: bool = False
    expand: str = ""
    expand_vars: dict[str, Scalar] = {}
    condition: str = ""
    children: tuple[StepTable, ...] = ()
    gate: Gate | None = None
    loop: Loop | None = None
    on_complete: OnComplete | None = None


class Loop(_Table, frozen=True, kw_only=True):
    """Repeats its body `count` times, over a `range`, or at most `max` times `until` it is so."""

    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    until: str = ""
    max: Annotated[int, msgspec.Meta(ge=1)] | None = None
    range: str = ""
    """`start..end`, both of them arithmetic over `{variables}`."""
    var: str = ""
    """What the number of the round is called in the body."""
    let: dict[str, str] = {}
    """Further names for the body, each worked out anew in every round."""
    body: tuple[StepTable, ...] = ()


class AdviceStep(_Table, frozen=True, kw_only=True):
    """A step that an aspect puts before or after another."""

    id: str
    title: str = ""
    description: str = ""
    type: str = ""
    args: dict[str, Any] = {}
    output: dict[str, Any] = {}


class Around(_Table, frozen=True, kw_only=True):
    """Steps on both sides."""

    before: tuple[AdviceStep, ...] = ()
    after: tuple[AdviceStep, ...] = ()


class Advice(_Table, frozen=True, kw_only=True):
    """What is woven around the steps that `target` (a glob) and the pointcuts name."""

    target: str = ""
    before: AdviceStep | tuple[AdviceStep, ...] | None = None
    after: AdviceStep | tuple[AdviceStep, ...] | None = None
    around: Around = Around()


class Pointcut(_Table, frozen=True, kw_only=True):
    """Names steps; all that is given must fit."""

    glob: str = ""
    type: str = ""
    label: str = ""


class BondPoint(_Table, frozen=True, kw_only=True):
    """A place where other molecules may be bonded."""

    id: str
    description: str = ""
    after_step: str = ""
    before_step: str = ""
    parallel: bool = False


class Hook(_Table, frozen=True, kw_only=True):
    """A formula to attach when a trigger fires."""

    trigger: str = ""
    attach: str = ""
    at: str = ""
    vars: dict[str, Scalar] = {}


class Expand(_Table, frozen=True, kw_only=True):
    """Replaces one step by an expansion's template."""

    target: str
    with_: str = msgspec.field(name="with")
    vars: dict[str, Scalar] = {}


class Map(_Table, frozen=True, kw_only=True):
    """Replaces every step whose id fits a glob."""

    select: str
    with_: str = msgspec.field(name="with")
    vars: dict[str, Scalar] = {}


class Branch(_Table, frozen=True, kw_only=True):
    """Steps that may go on side by side between two others."""

    from_: str = msgspec.field(name="from")
    steps: Texts = ()
    join: str = ""


class ComposeGate(_Table, frozen=True, kw_only=True):
    """A condition to hold before a step."""

    before: str
    condition: str


class Compose(_Table, frozen=True, kw_only=True):
    """What other formulas do to this one."""

    bond_points: tuple[BondPoint, ...] = ()
    hooks: tuple[Hook, ...] = ()
    expand: tuple[Expand, ...] = ()
    map: tuple[Map, ...] = ()
    branch: tuple[Branch, ...] = ()
    gate: tuple[ComposeGate, ...] = ()
    aspects: Texts = ()


class Leg(_Table, frozen=True, kw_only=True):
    """One of the pieces of work of a convoy, done side by side."""

    id: str
    title: str = ""
    focus: str = ""
    description: str = ""
    agent: str = ""
    review_only: bool = False


class Synthesis(_Table, frozen=True, kw_only=True):
    """What brings the legs together."""

    title: str = ""
    description: str = ""
    depends_on: Texts = ()


class Preset(_Table, frozen=True, kw_only=True):
    """A choice of legs."""

    description: str = ""
    legs: Texts = ()


class Output(_Table, frozen=True, kw_only=True):
    """Where the legs write, as templates."""

    directory: str = ""
    leg_pattern: str = ""
    synthesis: str = ""


class Squash(_Table, frozen=True, kw_only=True):
    """How the digest of a finished molecule is made."""

    trigger: str = ""
    template_type: str = ""
    include_metrics: bool = False


class Formula(_Table, frozen=True, kw_only=True):
    """A formula file."""

    formula: str
    description: str = ""
    type: Kind | None = None
    version: int = 1
    extends: Texts = ()
    phase: Literal["liquid", "vapor"] | None = None
    pour: bool | None = None
    agent: str = ""
    review_only: bool = False
    vars: dict[str, Var | Scalar] = {}
    inputs: dict[str, Var | Scalar] = {}
    steps: tuple[StepTable, ...] = ()
    template: tuple[StepTable, ...] = ()
    compose: Compose = Compose()
    advice: tuple[Advice, ...] = ()
    pointcuts: tuple[Pointcut, ...] = ()
    aspects: tuple[Leg, ...] = ()
    legs: tuple[Leg, ...] = ()
    synthesis: Synthesis | None = None
    prompts: dict[str, str] = {}
    presets: dict[str, Preset] = {}
    output: Output = Output()
    squash: Squash | None = None


class Override(_Table, frozen=True, kw_only=True):
    """What a town or rig changes in one step."""

    step_id: str
    mode: Literal["replace", "append", "skip"] = "replace"
    description: str = ""


class Overlay(_Table, frozen=True, kw_only=True):
    """A file of overrides for one formula."""

    overrides: tuple[Override, ...] = ()


def kind_of(formula: Formula) -> Kind:
    """The type that is given, or the one that the content means."""
    if formula.type is not None:
        return formula.type
    if formula.legs:
        return "convoy"
    if formula.template and not formula.steps:
        return "expansion"
    is_bare = not (formula.steps or formula.extends)
    if is_bare and (formula.aspects or formula.advice or formula.pointcuts):
        return "aspect"
    return "workflow"


def variable(given: Var | Scalar) -> Var:
    """A declaration in its long form."""
    return given if isinstance(given, Var) else Var(default=given)


def declared(formula: Formula) -> dict[str, Var]:
    """Variables and inputs by name; an input wins."""
    return {name: variable(given) for name, given in {**formula.vars, **formula.inputs}.items()}

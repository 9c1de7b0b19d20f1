"""One turn of the agent: read the hook, do what the bead orders, file the change.

Everything is safe to do again: a step that git or the files show as done is passed over, so an
agent that was killed anywhere ends with the same commits as one that was not.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

from gastown_tui.demo.effects import Hang, Pause, Question, Run, ask, run
from gastown_tui.demo.orders import Orders, parse_bead, parse_orders
from gastown_tui.demo.script import Script, Step, edited, parse_script
from gastown_tui.domain.errors import BadInput, GastownError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gastown_tui.demo.effects import Answer, Effect, Result, Turn
    from gastown_tui.demo.memory import Memory
    from gastown_tui.demo.sandbox import Sandbox
    from gastown_tui.demo.transcript import Transcript

GASTOWN_TIMEOUT = 60.0
"""Seconds for a verb of the town; `done` may wait for a receipt."""
FILE_TRIES = 3
"""Times that `gastown done` is tried in one turn."""


class Mood(NamedTuple):
    """Misbehaviour on order: what, and how many times a crash is repeated."""

    kind: str = ""
    times: int = 1


def parse_mood(text: str) -> Mood:
    """A mood from `crash`, `crash:2`, `stall` ...; none from anything unknown."""
    kind, _, times = text.partition(":")
    return Mood(kind, int(times) if times.isdigit() else 1)


class Worker:
    """Holds what turns share: sandbox, transcript and memory."""

    def __init__(self, sandbox: Sandbox, log: Transcript, memory: Memory, mood: Mood) -> None:
        self._sandbox = sandbox
        self._log = log
        self._memory = memory
        self._mood = mood
        self.progress = 0
        """Percent of the turn's steps that are done, for the terminal's progress bar."""
        self.topic = ""
        """What the terminal's title says."""

    def turn(self) -> Turn:
        """One turn; errors end it with one line."""
        self.progress = 0
        try:
            yield from self._turn()
        except GastownError as error:
            self._log.say(f"I am stuck: {error}")

    def _turn(self) -> Turn:
        orders = yield from self._prime()
        if not orders.hooked:
            self.topic = ""
            self._log.say("There is nothing on my hook. I wait here for a nudge.")
            return
        self.topic = orders.title
        yield from self._tidy(orders)
        script = parse_script(orders.description)
        if script is None:
            self._log.say(
                f"{orders.bead} has no demo block, so I can read it but do no work on it: "
                "a demo agent follows a script, it does not think."
            )
            return
        if orders.rework is None and (yield from self._filed(orders)):
            self._log.say(f"{orders.bead} is filed already; the merge queue has it.")
            return
        yield from Attempt(self, orders, script).run()
        yield from self._file(orders)

    def _prime(self) -> Generator[Effect, Answer, Orders]:
        result = yield from self.gastown("prime", "--json")
        if result.code:
            self._log.tool("Bash", "gastown prime", good=False)
            self._log.output(result.output, result.code)
            raise Unavailable("the town did not answer `gastown prime`", hint="nudge me later")
        orders = parse_orders(result.output)
        if orders.hooked and not orders.description:
            shown = yield from self.gastown("bead", "show", orders.bead, "--json")
            orders = orders._replace(description=parse_bead(shown.output))
        self._log.tool("Bash", "gastown prime")
        self._log.output("\n".join(_summary(orders)))
        return orders

    def _tidy(self, orders: Orders) -> Generator[Effect, Answer, None]:
        removed = yield from self._sandbox.tidy(orders.branch)
        if removed:
            self._log.say(
                f"A killed git left {', '.join(removed)} here; no git runs, so it is gone."
            )
        if (yield from self._sandbox.leave_begun_rebase()):
            self._log.say("A rebase was cut off in the middle. I took it back.")

    def _filed(self, orders: Orders) -> Generator[Effect, Answer, bool]:
        head = yield from self._sandbox.head()
        return bool(self._memory.get("filed") == [orders.bead, orders.attempt, head])

    def _file(self, orders: Orders) -> Generator[Effect, Answer, None]:
        for attempt in range(FILE_TRIES):
            result = yield from self.gastown("done", shown="gastown done")
            self._log.tool("Bash", "gastown done", good=result.code == 0)
            self._log.output(result.output, result.code)
            if result.code == 0:
                head = yield from self._sandbox.head()
                self._memory.put("filed", [orders.bead, orders.attempt, head])
                self._log.say(f"{orders.bead} is filed. The merge queue takes it from here.")
                return
            yield Pause(4.0 * (attempt + 1))
        self._log.say("I could not file the change; the commits are safe on my branch.")

    def gastown(self, *args: str, shown: str = "") -> Generator[Effect, Answer, Result]:
        """One verb of the town."""
        return (yield from run(Run(("gastown", *args), shown, GASTOWN_TIMEOUT)))

    @property
    def tools(self) -> tuple[Sandbox, Transcript, Memory, Mood]:
        """What an attempt works with."""
        return self._sandbox, self._log, self._memory, self._mood


class Attempt:
    """One pass through a bead's script."""

    def __init__(self, worker: Worker, orders: Orders, script: Script) -> None:
        self._worker = worker
        self._orders = orders
        self._script = script
        self._sandbox, self._log, self._memory, mood = worker.tools
        self._mood = mood if mood.kind else Mood(script.behaviour, script.times)
        self._edits: list[str] = []

    def run(self) -> Turn:
        """The steps, then what the rework asks for."""
        rework = self._orders.rework
        steps = self._ordered()
        if rework:
            self._log.say(f"This came back ({rework.kind}): {rework.reason or 'no reason given'}")
            yield Pause(1.5)
        else:
            self._log.say(f"{self._orders.bead}: {self._orders.title}. I start with the code.")
        yield from self._follow(steps)
        if rework and rework.kind == "conflict":
            yield from self._rebase(rework.files)
        elif rework and self._script.fix:
            yield from self._follow(self._script.fix)
        elif rework:
            yield from self._check()

    def _ordered(self) -> tuple[Step, ...]:
        steps = self._script.steps
        if self._mood.kind == "ask" and not any(step.ask for step in steps):
            runs = [n for n, step in enumerate(steps) if step.verb == "run"]
            steps = tuple(
                step._replace(ask="May I run this?") if n in runs[:1] else step
                for n, step in enumerate(steps)
            )
        extra = ""
        if self._mood.kind == "conflict" and (self._sandbox.folder / "CHANGELOG.md").is_file():
            extra = f"- {self._orders.title} ({self._orders.bead}).\n"
            lines = self._sandbox.read("CHANGELOG.md").splitlines()
            marker = next((line for line in lines if line.startswith("## ")), "")
            step = Step("edit", "CHANGELOG.md", "after", marker, extra)
            return _before_commit(steps, step) if marker else steps
        if self._mood.kind == "break":
            module = next((s.subject for s in steps if s.verb == "edit" and _is_module(s)), "")
            bug = '\n\nraise RuntimeError("left in by mistake")\n'
            return _before_commit(steps, Step("edit", module, "append", "", bug), runs=False)
        return steps

    def _follow(self, steps: Sequence[Step]) -> Turn:
        """Takes the steps in groups that end in a commit; a group whose commit exists is passed."""
        subjects = yield from self._sandbox.subjects(self._orders.target)
        group: list[Step] = []
        done = 0
        for step in steps:
            group.append(step)
            if step.verb != "commit":
                continue
            if step.subject.splitlines()[0] in subjects:
                self._log.say(f"Committed before: {step.subject.splitlines()[0]}")
            else:
                yield from self._group(group, done, len(steps))
            done += len(group)
            group = []
        yield from self._group(group, done, len(steps))
        self._worker.progress = 100

    def _group(self, group: Sequence[Step], done: int, total: int) -> Turn:
        self._edits = []
        for number, step in enumerate(group):
            self._worker.progress = 100 * (done + number) // max(total, 1)
            yield from self._misbehave(done + number, total)
            yield from self._take(step)

    def _misbehave(self, number: int, total: int) -> Turn:
        if number != total // 2:
            return
        if self._mood.kind == "stall":
            yield Hang()
        if self._mood.kind == "crash":
            bead = self._orders.bead
            if self._memory.crashes(bead) < self._mood.times:
                self._memory.count_crash(bead)
                raise SystemExit(1)

    def _take(self, step: Step) -> Turn:
        if step.verb == "think":
            yield Pause(float(step.subject))
        elif step.verb == "say":
            self._log.say(step.subject)
            yield Pause(0.8)
        elif step.verb == "read":
            yield Pause(1.5)
            lines = self._sandbox.read(step.subject).count("\n")
            self._log.tool("Read", step.subject)
            self._log.note(f"{lines} lines")
        elif step.verb == "edit":
            yield from self._edit(step)
        elif step.verb == "run":
            yield from self._command(step)
        elif step.verb == "commit":
            yield from self._commit(step.subject)

    def _edit(self, step: Step) -> Turn:
        before = self._sandbox.read(step.subject)
        after = edited(before, step)
        if step.subject not in self._edits:
            self._edits.append(step.subject)
        if after == before:
            return
        yield Pause(1.0 + len(step.text) / 400)
        self._sandbox.write(step.subject, after)
        self._log.tool("Edit" if before else "Write", step.subject)
        self._log.diff(before, after)
        yield Pause(0.6)

    def _command(self, step: Step) -> Turn:
        argv = command(step.subject)
        if step.ask:
            key = f"{self._orders.bead}: {step.subject}"
            answered = self._memory.get("answers")
            known = answered if isinstance(answered, dict) else {}
            if key not in known:
                allowed = yield from ask(Question("Bash command", step.subject, step.ask))
                self._memory.put("answers", {**known, key: allowed})
                known = {key: allowed}
            if not known[key]:
                self._log.say(f"I leave `{step.subject}` out, as you said, and go on.")
                return
        result = yield from run(Run(argv, step.subject, env=_PYTHON))
        self._log.tool("Bash", step.subject, good=result.code == 0)
        self._log.output(result.output, result.code)
        if result.code:
            raise Unavailable(f"`{step.subject}` failed", hint="I do not file a red change")

    def _commit(self, message: str) -> Turn:
        if not self._edits:
            return
        result = yield from self._sandbox.commit(message, self._edits)
        subject = message.splitlines()[0]
        self._log.tool("Bash", f"git commit -m '{subject}'", good=result.code == 0)
        self._log.output(result.output, result.code)
        if result.code:
            raise Unavailable("git refused the commit", hint="its words are above")

    def _rebase(self, files: Sequence[str]) -> Turn:
        target = self._orders.target
        if not (yield from self._sandbox.contains(target)):
            if files:
                self._log.say(f"Others changed {', '.join(files)} too. I keep both sides.")
            settled = yield from self._sandbox.rebase(target)
            self._log.tool("Bash", f"git rebase {target}")
            both = f"both sides kept in {', '.join(settled)}" if settled else "no conflict left"
            self._log.output(f"rebased, {both}")
        yield from self._check()

    def _check(self) -> Turn:
        """Runs the tests again; red ones are filed all the same, the gate has the last word."""
        script = self._script
        tests = [script.test] if script.test else [s.subject for s in script.steps if _is_test(s)]
        for line in tests:
            result = yield from run(Run(command(line), line, env=_PYTHON))
            self._log.tool("Bash", line, good=result.code == 0)
            self._log.output(result.output, result.code)
        yield Pause(1.0)


_PYTHON = (("PYTHONDONTWRITEBYTECODE", "1"),)
"""Edits within one second and of one length would else be hidden by a cached module."""


def command(line: str) -> tuple[str, ...]:
    """The arguments of a script's command: only Python may be run, with the town's interpreter.

    Raises:
        BadInput: something else, or quotes that do not close.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadInput(f"the command {line!r} cannot be read: {error}") from error
    if not words or words[0] not in {"python", "python3"}:
        raise BadInput(f"a demo agent runs python only, not {line!r}")
    return (sys.executable, *words[1:])


def _before_commit(steps: Sequence[Step], extra: Step, *, runs: bool = True) -> tuple[Step, ...]:
    """The steps with one more before the first commit; without `runs`, after no test sees it."""
    at = next((n for n, step in enumerate(steps) if step.verb == "commit"), len(steps))
    head = [step for step in steps[:at] if runs or step.verb != "run"]
    tail = [step for step in steps[at:] if runs or step.verb != "run"]
    return (*head, extra, *tail)


def _is_module(step: Step) -> bool:
    name = os.path.basename(step.subject)  # noqa: PTH119 - a name inside the repository
    return name.endswith(".py") and not name.startswith("test_")


def _is_test(step: Step) -> bool:
    return step.verb == "run" and "unittest" in step.subject and not step.ask


def _summary(orders: Orders) -> list[str]:
    if not orders.hooked:
        return ["hook: empty"]
    rows = [
        f"hook: {orders.bead}  {orders.title}",
        f"branch: {orders.branch}  target: {orders.target}  attempt: {orders.attempt}",
    ]
    if orders.rework:
        rows.append(f"came back: {orders.rework.kind}: {orders.rework.reason}")
        rows += orders.rework.log.splitlines()[-2:]
    return rows

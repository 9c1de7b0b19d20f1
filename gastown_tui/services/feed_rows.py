"""The rows of the feed: what a town looks like to its clients; `docs/shapes.md` lists them."""

from __future__ import annotations

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.bead_gates import Verdict, needs_overseer
from gastown_tui.domain.capacity import assumed
from gastown_tui.domain.convoys import standing
from gastown_tui.domain.merge_queue import in_order, is_red_target, score
from gastown_tui.domain.plan import GIVE_UP
from gastown_tui.domain.rules_agents import is_worn_out
from gastown_tui.domain.rules_queue import why_stranded
from gastown_tui.domain.rules_work import waits
from gastown_tui.domain.town import RUNNING, Agent, Outcome, Request, Town
from gastown_tui.domain.view import START_TRIES, View, respawns_of, view
from gastown_tui.protocol import TableRow
from gastown_tui.services.capacity import is_real
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts, Usage

Tables = dict[str, dict[str, TableRow]]
_EVENTS_SHOWN = 200
_WAITS = "(it waits for you: R tries again)"
_REQUEST_STATES = {
    "submitted": ("", ""), "testing": ("running", ""), "review": ("passed", "needed"),
    "approved": ("passed", "approved"), "landing": ("running", "approved"),
    "pull": ("passed", "approved"), "landed": ("passed", "approved"),
}  # fmt: skip


def build(town: Town, context: Context, facts: Facts) -> Tables:
    """The tables of one moment, as lists of rows by key."""
    seen = view(town, context.clock.now())
    waiting = waits(seen)
    return {
        "town": {"town": _town_row(seen, context, waiting)},
        "rigs": {name: _rig_row(town, name, context) for name in town.rigs},
        "agents": {
            address: _agent_row(seen, agent, facts, len(context.queued.get(address, ())))
            for address, agent in town.agents.items()
        },
        "beads": _bead_rows(seen, context, waiting),
        "mq": _request_rows(seen),
        "convoys": _convoy_rows(seen, context),
        "events": _event_rows(context),
        "notices": dict(context.notices),
    }


def _town_row(seen: View, context: Context, waiting: dict[str, str]) -> TableRow:
    town, record, memory = seen.town, context.books.town_record, context.memory
    return {
        "id": town.id,
        "name": context.config.name or context.paths.town.name,
        "path": str(context.paths.town),
        "running": True,
        "wanted": town.wanted,
        "wanted_by": (record.label("wanted-by") or "") if record else "",
        "wanted_why": record.notes if record else "",
        "max_working": town.limits.max_working,
        "working": len(seen.working()),
        "waiting": len(waiting),
        "waiting_why": town.room.why or next(iter(waiting.values()), ""),
        "memory_free": round(memory.free, -8),
        "memory_total": memory.total,
        "memory_agent": memory.need(assumed(is_real=is_real(context))),
        "memory_spare": memory.spare,
        "measured": len(memory.agents),
        "cores": memory.cores,
        "resume_held": sorted(town.resume_held),
        "away_since": context.away_since if town.resume_held else 0.0,
        "problems": sorted(context.problems.values()),
    }


def _rig_row(town: Town, name: str, context: Context) -> TableRow:
    rig, formulas = town.rigs[name], context.formula_rows.get(name, ())
    return {
        "name": name,
        "prefix": rig.config.prefix,
        "target": rig.config.default_branch,
        "land": rig.config.land,
        "review": rig.config.review,
        "permissions": rig.config.permissions,
        "tip": rig.tip,
        "held": rig.held,
        "landing": rig.landing,
        "gate": "; ".join(rig.config.gates),
        "upstream": rig.config.upstream,
        "formulas": {one.name: one.description for one in formulas},
        "formula_vars": {
            one.name: "\n".join(f"{name}={value}" for name, value in one.variables.items())
            for one in formulas
        },
    }


def _shown(seen: View, agent: Agent, facts: Facts) -> tuple[str, str, str, str]:
    """State, need, reason and question of an agent, as the town knows better than its terminal."""
    state, row = facts.states[agent.address], facts.row_of(agent)
    bead = seen.hooks.get(agent.address)
    request = seen.requests.get(bead.id) if bead else None
    if agent.address in seen.town.resume_held:
        question = "Go on? R lets it; `gastown resume` shows who else waits"
        return "paused", "question", "waits for your word after an absence", question
    is_alive = row is not None and not row.ended
    if bead is not None and not is_alive and agent.wanted == RUNNING and seen.has_work(bead):
        if failed := seen.failed_start(agent):
            return _failing(failed)
        if is_worn_out(seen, agent, bead):
            text = f"died {respawns_of(bead) + 1} times on {bead.id}: {state.evidence} {_WAITS}"
            return "error", "error", text, ""
    if bead is None and not is_alive and agent.wanted == RUNNING:
        return "idle", "", "free", ""
    is_parked = request is not None and request.state != "rework"
    if request is not None and is_parked and state.state in {"idle", "exited"}:
        why = f"handed in: {request.state}"
        if request.state == "rejected":
            why = f"{request.id} is rejected: it waits for you to retry, reject anew or drop it"
        return "handed-in", "", why, ""
    needs = state.needs
    if state.state == "waiting":
        needs = needs or "question"
    elif state.state in {"error", "stalled"}:
        needs = state.state
    return state.state, needs, state.evidence, state.question


def _failing(failed: Outcome) -> tuple[str, str, str, str]:
    """How an agent is shown whose start has failed."""
    if not failed.is_lasting:
        is_told = failed.tries >= GIVE_UP
        why = f"does not start yet: {failed.why}"
        return ("error", "error", why, "") if is_told else ("starting", "", why, "")
    if failed.tries < START_TRIES:
        return "error", "", failed.why, ""
    return "error", "error", f"{failed.why} {_WAITS}", ""


def _agent_row(seen: View, agent: Agent, facts: Facts, queued: int) -> TableRow:
    town, state, row = seen.town, facts.states[agent.address], facts.row_of(agent)
    bead = seen.hooks.get(agent.address)
    run = town.runs.get(agent.run)
    request = seen.requests.get(bead.id) if bead else None
    shown, needs, why, question = _shown(seen, agent, facts)
    usage = facts.usage.get(agent.address, Usage())
    failed = seen.failed_start(agent) if shown == "error" else None
    since = failed.since if failed else state.since
    if agent.address in town.resume_held:
        away = facts.away_since()
        since = min(run.ended, away) if run and run.ended else away
    return {
        "name": agent.name,
        "rig": agent.rig,
        "role": agent.role,
        "session": agent.address,
        "pid": row.pid if row and not row.ended else 0,
        "run": agent.run,
        "state": shown,
        "since": since,
        "source": state.source,
        "evidence": why,
        "bead": bead.id if bead else "",
        "bead_title": bead.title if bead else "",
        "wanted": agent.wanted,
        "wanted_by": agent.wanted_by,
        "wanted_why": agent.wanted_why,
        "needs": needs,
        "needs_since": since if needs else 0.0,
        "question": question,
        "rows_hash": facts.rows_hash(agent.address) if needs else "",
        "tokens": usage.tokens,
        "cost": usage.cost,
        "context": usage.context,
        "resume_cost": usage.again,
        "money": usage.money,
        "entry": facts.entry_name(agent),
        "permissions": town.rigs[agent.rig].config.permissions if agent.rig in town.rigs else "",
        "branch": agent.branch,
        "sandbox": facts.folder(agent),
        "attempt": request.attempt if request else 1,
        "reds": request.reds if request else 0,
        "attempts": town.limits.attempts,
        "request": request.id if request else "",
        "started": run.started if run else 0.0,
        "alive": bool(row and not row.ended),
        "queued": queued,
        "memory": facts.memory(agent.address),
    }


def _convoy_of(town: Town) -> dict[str, str]:
    return {bead: convoy.id for convoy in town.convoys.values() for bead in convoy.tracked}


def _bead_rows(seen: View, context: Context, waiting: dict[str, str]) -> dict[str, TableRow]:
    town, convoys = seen.town, _convoy_of(seen.town)
    rows: dict[str, TableRow] = {}
    for name, rig in context.books.rigs.items():
        for beads in (rig.beads, rig.closed):
            for bead in beads.values():
                gate = context.gates.get(bead.id)
                because = waiting.get(bead.id, "")
                parts = rig.closed_parts.get(bead.id, 0)
                ready = bead.id in town.ready
                about = (name, convoys.get(bead.id, ""), ready, gate, because, parts)
                rows[bead.id] = context.cached_row(bead, about, _bead_row)
    return rows


def _bead_row(bead: Bead, extra: tuple[str, str, bool, Verdict | None, str, int]) -> TableRow:
    rig, convoy, is_ready, gate, why, parts = extra
    parent = next((e.depends_on_id for e in bead.dependencies if e.type == "parent-child"), "")
    return {
        "id": bead.id,
        "rig": rig,
        "title": bead.title,
        "status": bead.status,
        "type": bead.issue_type,
        "priority": bead.priority,
        "assignee": bead.assignee,
        "parent": parent,
        "parts_closed": parts,
        "blocked_by": [e.depends_on_id for e in bead.dependencies if e.type == "blocks"],
        "labels": list(bead.labels),
        "convoy": convoy,
        "ready": is_ready,
        "slung": bead.label("sling") is not None,
        "why": gate.why if gate else why,
        "yours": needs_overseer(bead, gate) if gate else False,
        "created_at": bead.created_at,
        "updated_at": bead.updated_at,
        "closed_at": bead.closed_at,
    }


def _request_rows(seen: View) -> dict[str, TableRow]:
    now, convoys = seen.now.wall, seen.town.convoys
    created = {bead: one.created for one in convoys.values() for bead in one.tracked}
    rows: dict[str, TableRow] = {}
    ordered = in_order(seen.town.requests.values(), now, created)
    for position, request in enumerate(ordered, 1):
        rows[request.id] = _request_row(seen, request, position, created.get(request.bead))
    return rows


def _request_row(
    seen: View, request: Request, position: int, convoy_created: float | None
) -> TableRow:
    gate, review = _REQUEST_STATES.get(request.state, ("", ""))
    if request.rework == "gate":
        gate = "failed"
    rig = seen.town.rigs.get(request.rig)
    stranded = why_stranded(seen, request)
    session = f"gate/{request.rig}/{request.id}"
    if request.state == "landing":
        session = f"gate/{request.rig}/landing"
    elif rig and is_red_target(rig.held) and request.state in {"submitted", "approved"}:
        session = f"gate/{request.rig}/target"
    return {
        "id": request.id,
        "bead": request.bead,
        "title": request.title,
        "rig": request.rig,
        "agent": request.agent,
        "branch": request.branch,
        "target": request.target,
        "state": request.state,
        "position": position,
        "score": round(score(request, seen.now.wall, convoy_created)),
        "since": request.updated,
        "created": request.created,
        "gate": gate,
        "gate_session": session,
        "review": review,
        "base": request.base,
        "submitted": request.submitted,
        "approved": request.approved,
        "landed": request.landed,
        "source": request.source,
        "pull": request.pull,
        "pull_url": request.pull_url if request.pull else "",
        "stranded": bool(stranded),
        "why": f"waits for you: {stranded}"
        if stranded
        else request.why or (f"held: {rig.held}" if rig and rig.held else ""),
        "attempt": request.attempt,
        "reds": request.reds,
        "attempts": seen.town.limits.attempts,
        "plus": request.plus,
        "minus": request.minus,
        "left_out": request.left_out.splitlines(),
        "flagged": request.flagged.splitlines(),
        "gate_limit_s": rig.config.gate_timeout_s if rig else 0.0,
    }


def _convoy_rows(seen: View, context: Context) -> dict[str, TableRow]:
    town = seen.town
    closed = {bead for rig in context.books.rigs.values() for bead in rig.closed}
    rows: dict[str, TableRow] = {}
    for convoy in town.convoys.values():
        open_ones = [town.beads[bead] for bead in convoy.tracked if bead in town.beads]
        found = standing(seen, convoy)
        rows[convoy.id] = {
            "id": convoy.id,
            "title": convoy.title,
            "total": len(convoy.tracked),
            "closed": sum(bead in closed for bead in convoy.tracked),
            "working": len(found.working) + len(found.stuck),
            "stuck": len(found.stuck),
            "state": found.state,
            "why": found.why,
            "owned": convoy.owned,
            "oldest": min((instant(one.created_at) for one in open_ones), default=0.0),
            "beads": list(convoy.tracked),
        }
    return rows


def _event_rows(context: Context) -> dict[str, TableRow]:
    shown = list(context.books.events.values())[-_EVENTS_SHOWN:]
    return {bead.id: context.cached_row(bead, None, _event_row) for bead in shown}


def _event_row(bead: Bead, _extra: None) -> TableRow:
    return {
        "id": bead.id,
        "at": instant(bead.created_at),
        "kind": bead.event_kind,
        "actor": bead.actor,
        "target": bead.target,
        "text": bead.title,
        "rig": bead.label("rig") or "",
    }

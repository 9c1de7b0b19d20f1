"""Collects all that `gastown doctor` judges: the machine, the programs, the town."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from gastown_tui.adapters.doctor import machine, programs, terminal
from gastown_tui.adapters.town_files import beads_dirs
from gastown_tui.domain.config import RigConfig, TownConfig
from gastown_tui.domain.doctor import machine as machines
from gastown_tui.domain.doctor import programs as judged
from gastown_tui.domain.doctor import terminal as terminals
from gastown_tui.domain.doctor import town as towns
from gastown_tui.domain.doctor.finding import Finding
from gastown_tui.domain.errors import BadInput, GastownError, NotFound
from gastown_tui.roots.town import catalogue, rig_config, rig_names, town_config


def examine(town: Path | None, env: Mapping[str, str]) -> dict[str, list[Finding]]:
    """Findings by part: `machine`, `programs`, `terminal`, and in a town `town`.

    Args:
        town: None where there is none.
        env: the person's environment.
    """
    config, error = _settings(town)
    rigs = _rigs(town) if town else {}
    lands = {one.land for one in rigs.values() if isinstance(one, RigConfig)}
    agent = config.agent if town and not error else ""
    home = Path(env.get("HOME") or "/")
    found = {
        "machine": machines.of_machine(
            machine.look(town or home / "gastown", env, config.limits.max_working)
        ),
        "programs": [
            *judged.of_git(programs.git_facts(env)),
            *judged.of_agents(programs.agents_facts(catalogue(config), agent, env)),
            *judged.of_tools(
                programs.gh_facts(env), programs.lfs_version(env), needs_gh="pr" in lands
            ),
        ],
        "terminal": terminals.of_terminal(terminal.look(env)),
    }
    if town is not None:
        found["town"] = towns.of_town(_town(town, error, rigs))
    return found


def _settings(town: Path | None) -> tuple[TownConfig, str]:
    """A town's settings, or the usual ones and what is wrong."""
    if town is None:
        return TownConfig(), ""
    try:
        config = town_config(town)
        catalogue(config)
    except BadInput as error:
        return TownConfig(), str(error)
    return config, ""


def _rigs(town: Path) -> dict[str, RigConfig | GastownError]:
    found: dict[str, RigConfig | GastownError] = {}
    for name in rig_names(town):
        try:
            found[name] = rig_config(town, name)
        except (BadInput, NotFound) as error:
            found[name] = error
    return found


def _town(town: Path, error: str, rigs: Mapping[str, RigConfig | GastownError]) -> towns.TownFacts:
    from gastown_tui.adapters.daemons import find_runtime, host_running, runs_elsewhere

    is_running = is_elsewhere = False
    stale: list[str] = []
    unreachable = ""
    try:
        runtime = find_runtime(town)
        is_running = host_running(town)
        is_elsewhere = runs_elsewhere(town)
        stale = [] if is_running else _stale(runtime)
    except GastownError as problem:
        unreachable = str(problem)
    return towns.TownFacts(
        path=str(town),
        error=error,
        runtime_error=unreachable,
        is_running=is_running,
        is_elsewhere=is_elsewhere,
        stale=stale,
        beads=_beads(town),
        rigs=[_rig(town, name, config) for name, config in rigs.items()],
    )


def _stale(runtime: Path) -> list[str]:
    """Sockets at which nobody listens."""
    found = []
    for path in sorted(runtime.glob("*.sock")):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(1)
            try:
                one.connect(str(path))
            except OSError:
                found.append(path.name)
    return found


def _beads(town: Path) -> list[towns.BeadsFacts]:
    """Each directory by itself: one that is damaged hides no other."""
    from gastown_tui.adapters.store import BeadStore, open_store
    from gastown_tui.cli.bead_doctor import reports

    stores: dict[str, BeadStore] = {}
    found: list[towns.BeadsFacts] = []
    for path in beads_dirs(town).values():
        name = "town" if path.parent == town else path.parent.name
        try:
            stores[name] = open_store(path)
        except GastownError as error:
            found.append(towns.BeadsFacts(name=name, error=str(error)))
    for name, report in zip(stores, reports(list(stores.values()), fix=False), strict=True):
        bad = [one for one in report.findings if one.level == "problem"]
        odd = [one for one in report.findings if one.level == "warning"]
        found.append(
            towns.BeadsFacts(
                name=name,
                beads=report.beads,
                problems=len(bad),
                warnings=len(odd),
                first=str((bad or odd)[0]) if bad or odd else "",
            )
        )
        stores[name].close()
    return found


def _rig(town: Path, name: str, config: RigConfig | GastownError) -> towns.RigFacts:
    from gastown_tui.adapters.git.hub import open_hub
    from gastown_tui.adapters.moved import original, parted

    if isinstance(config, GastownError):
        return towns.RigFacts(name=name, error=config.message, remedy=config.hint)
    try:
        hub = open_hub(town / name / "repo", origin=config.upstream)
    except GastownError as error:
        return towns.RigFacts(name=name, error=error.message, remedy=error.hint)
    return towns.RigFacts(
        name=name,
        original=str(original(town, name) or ""),
        moved=len(parted(town, name)),
        target=hub.target_ref(config.land)
        .removeprefix("refs/heads/")
        .removeprefix("refs/remotes/"),
        land=config.land,
        gates=len(config.gates),
        is_setup_source_gone=bool(config.setup.copy) and not Path(config.source).is_dir(),
    )

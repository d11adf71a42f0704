"""Reproduce a whole table: every row and seed, the stored rows, README and the figures.

    python -m experiments.reproduce --table=nbody --preset=quick

Rows that are stored for the same config and revision are not run again (`--force` does);
interrupted ones go on where they stopped.
"""

import pathlib
import shutil
import sys
from collections.abc import Sequence

import jax
from absl import flags

from experiments import (
    acac_table,
    cli,
    generated_table,
    nbody_table,
    point_clouds_table,
    provenance,
    registration_table,
    rmd17_table,
    store,
    symmetrization_table,
    synthetic_table,
    tables,
    water_hamiltonian_table,
)
from symjax_models.suggestion import look_up

TABLES = {
    table.name: table
    for table in (
        nbody_table.TABLE,
        synthetic_table.TABLE,
        rmd17_table.TABLE,
        acac_table.TABLE,
        generated_table.GFN2,
        generated_table.EMT,
        water_hamiltonian_table.TABLE,
        point_clouds_table.TABLE,
        registration_table.TABLE,
        symmetrization_table.TABLE,
    )
}


def reproduce(
    table: tables.Table,
    *,
    preset: str,
    rows: list[str] | None = None,
    force: bool = False,
    runs: pathlib.Path,
    results: pathlib.Path = store.RESULTS,
) -> bool:
    """Fill the rows of a table that are not stored yet.

    Args:
        table: The table.
        preset: Preset of all configs.
        rows: Names of the rows to fill; None fills all.
        force: Run also what is stored.
        runs: Folder of the run folders.
        results: Folder of the stored rows.

    Returns:
        Whether all rows were filled (False: stopped by a signal).
    """
    revision = provenance.revision()
    wanted = [
        (row, case, config)
        for row in table.rows
        if rows is None or row.name in rows
        for case, config in table.configs(row.name, preset).items()
    ]
    for number, (row, case, config) in enumerate(wanted, start=1):
        values = cli.as_json(config)
        title = f"[{number}/{len(wanted)}] {row.label}, {f'{case}, ' if case else ''}{preset}"
        stored = store.latest(
            store.read(table.name, results=results),
            row=row.name,
            preset=preset,
            config=values,
            revision=revision,
        )
        if stored and not force:
            cli.report(f"{title}: stored, not run again")
            continue
        cli.report(f"{title}: seeds {', '.join(map(str, config.seeds))}")
        workdir = runs / table.name / preset / f"{row.name}-{store.config_hash(values)}-{revision}"
        if force:
            shutil.rmtree(workdir, ignore_errors=True)
        if not table.run(config, workdir=workdir, results=results):
            return False
    return True


def publish(
    table: tables.Table, *, presets: Sequence[str], results: pathlib.Path = store.RESULTS
) -> str:
    """Write the table and its figures from the stored rows.

    Args:
        table: The table.
        presets: The presets to show.
        results: Folder of the stored rows. From the project's own folder the table goes into
            README; from another one it goes beside the rows. A table with a page of its own has
            it beside the rows, from either.

    Returns:
        The table as text.
    """
    page = table.page(presets=presets, results=results)
    text = table.readme(presets=presets, results=results)
    is_public = results == store.RESULTS and presets == tables.PRESETS
    if is_public:
        tables.update_readme(table.name, text)
        print(f"table: {tables.README}")
    if page or not is_public:
        (results / f"{table.name}.md").write_text(page or text)
        print(f"table: {results / f'{table.name}.md'}")
    # README shows the figures of the published presets.
    is_beside = results == store.RESULTS and not is_public
    folder = results / ("-".join(["figures", *presets]) if is_beside else "figures")
    try:
        for path in table.draw(folder, presets=presets, results=results):
            print(f"figure: {path}")
    except ImportError as error:
        print(error, file=sys.stderr)
    return text


def main() -> None:
    """Read the flags and reproduce."""
    arguments = flags.FLAGS
    table = look_up(arguments.table, TABLES, what="table")
    for name in arguments.rows or []:
        look_up(name, {row.name: row for row in table.rows}, what="row")
    preset = look_up(
        arguments.preset, {name: name for name in (*tables.PRESETS, "smoke")}, what="preset"
    )
    results = pathlib.Path(arguments.results)
    filled = reproduce(
        table,
        preset=preset,
        rows=arguments.rows,
        force=arguments.force,
        runs=pathlib.Path(arguments.workdir),
        results=results,
    )
    if filled and jax.process_index() == 0:
        presets = ("smoke",) if preset == "smoke" else tables.PRESETS
        print("\n" + publish(table, presets=presets, results=results))
        print(f"rows: {store.path_of(table.name, results)}")


if __name__ == "__main__":
    flags.DEFINE_string("table", None, f"The table: {', '.join(TABLES)}.")
    flags.DEFINE_string("preset", "quick", "quick, full or smoke.")
    flags.DEFINE_list("rows", None, "Only these rows, separated by commas.")
    flags.DEFINE_bool("force", False, "Run also what is stored.")
    flags.DEFINE_string("workdir", str(provenance.ROOT / "runs"), "Folder of the run folders.")
    flags.DEFINE_string("results", str(store.RESULTS), "Folder of the stored rows.")
    flags.mark_flags_as_required(["table"])
    cli.run(main)

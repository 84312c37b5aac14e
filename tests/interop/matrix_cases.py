"""The matrix as a suite: docs/interop.md."""
import matrix_cells
import matrix_close_cells
import matrix_fault_cells
import matrix_join_cells
from harness import Skip
from matrix import Matrix


# The cells that `./dev test` plays: one for each kind of thing that can go wrong, both roles, both families.
CORE = """
ours-connects.v4.eager ours-accepts.v6.server-first ours-connects.v6.checksum.both-ways ours-accepts.v4.checksum.half-close
ours-connects.v4.no-data ours-connects.no-timestamps.no-sack.both-ways ours-connects.syn-cookies.client-first
ours-accepts.plain-kernel.half-close ours-connects.plain-kernel.both-ways ours-accepts.checksum.65536-bytes-from-ours
ours-connects.checksum.wrap-after-21.both-ways ours-connects.narrow-mappings.wrap ours-connects.lose-4.eager
ours-accepts.checksum.lose-every-7th-data.both-ways ours-connects.third-ack-overtaken-by-1.eager
ours-accepts.every-2nd-data-late.both-ways ours-connects.strip-after-syns.client-first
ours-accepts.strip-syn-ack.client-first ours-connects.checksum.damage-from-ours ours-accepts.kernel-does-not-read
ours-connects.v4.join.during-data ours-accepts.v6.checksum.join.before-data ours-connects.checksum.join.damage-from-ours
ours-connects.fastclose.abort-by-ours ours-accepts.fastclose.unread-by-kernel ours-accepts.50-at-once
""".split()


def all_cells():
    for table in (matrix_cells.calm_cells, matrix_fault_cells.fault_cells, matrix_join_cells.join_cells,
                  matrix_close_cells.close_cells):
        for cell in table():
            cell.core = cell.name in CORE
            yield cell


def chosen(run, core_only):
    cells = list(all_cells())
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names), "two cells of one name"
    assert set(CORE) <= set(names), f"no such cells: {set(CORE) - set(names)}"
    return [cell for cell in cells if run.wanted("matrix." + cell.name) and (cell.core or not core_only)]


def list_all(run, core_only=False):
    for cell in chosen(run, core_only):
        run.note("matrix." + cell.name)


def run_all(run, core_only=False):
    cells = chosen(run, core_only)
    if not cells:
        return
    try:
        matrix = Matrix(run)
    except Skip as reason:
        run.note(f"skip matrix: {reason}")
        return
    try:
        for cell in cells:
            matrix.play(cell)
    finally:
        matrix.close()

"""The matrix as a suite: docs/interop.md."""
from harness import Skip
from matrix import Matrix
from matrix_cells import all_cells


def chosen(run, core_only):
    cells = list(all_cells())
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names), "two cells of one name"
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

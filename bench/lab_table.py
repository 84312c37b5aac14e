"""What bench/lab measured as a table: medians with their spread, and what is called better, equal or worse.

One round says little on a machine that does other things as well, so the kernel's own rounds say how far two medians may
lie apart without meaning anything.
"""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Measure:
    key: str  # in a result
    words: str
    unit: str
    scale: float
    digits: int
    more_is_better: bool
    share: float  # two medians nearer than this share of the kernel's are equal
    least: float  # or nearer than this, in the unit


MEASURES = (
    Measure("goodput", "goodput", "Mb/s", 1, 1, True, 0.01, 0),
    Measure("stall", "stall", "ms", 1000, 0, False, 0, 10),
    Measure("outage_goodput", "goodput in the outage", "Mb/s", 1, 1, True, 0.01, 0),
    Measure("heal", "healing", "ms", 1000, 0, False, 0, 10),
)


@dataclasses.dataclass(frozen=True)
class Line:
    """One line: what, both sides' values of all rounds in the unit, the verdict."""
    row: str
    measure: Measure
    kernel: tuple
    ours: tuple
    wrong: str

    @property
    def ratio(self):
        """Above 1: ours is better."""
        kernel, ours = statistics.median(self.kernel), statistics.median(self.ours)
        above, below = (ours, kernel) if self.measure.more_is_better else (kernel, ours)
        return above / below if below > 0 else float("inf")

    @property
    def verdict(self):
        if self.wrong:
            return "invalid"
        ours, low, high = statistics.median(self.ours), min(self.kernel), max(self.kernel)
        room = max(self.measure.share * statistics.median(self.kernel), self.measure.least)
        if low - room <= ours <= high + room:
            return "equal"
        return "better" if (ours > high) == self.measure.more_is_better else "worse"

    def cell(self, values):
        low, middle, high = (f"{value:.{self.measure.digits}f}"
                             for value in (min(values), statistics.median(values), max(values)))
        return middle if low == high else f"{middle} ({low}–{high})"


def lines(results):
    out = []
    for result in results:
        for measure in MEASURES:
            if not result["kernel"] or not result["ours"] or measure.key not in result["kernel"][0]:
                continue
            kernel, ours = (tuple(one[measure.key] * measure.scale for one in result[side]) for side in ("kernel", "ours"))
            out.append(Line(result["row"], measure, kernel, ours, "; ".join(result["wrong"])))
    return out


def table(results):
    """As Markdown, which reads well on a terminal, too."""
    head = ["row", "measured", "kernel", "ours", "ratio", "ours is"]
    body = [[line.row, f"{line.measure.words}, {line.measure.unit}", line.cell(line.kernel), line.cell(line.ours),
             f"{line.ratio:.2f}", line.verdict + (f": {line.wrong}" if line.wrong else "")] for line in lines(results)]
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    right = (False, False, True, True, True, False)

    def join(cells):
        return "| " + " | ".join(cell.rjust(width) if to_right else cell.ljust(width)
                                 for cell, width, to_right in zip(cells, widths, right)) + " |"
    rule = "|" + "|".join("-" * (width + 1) + (":" if to_right else "-") for width, to_right in zip(widths, right)) + "|"
    return "\n".join([join(head), rule, *map(join, body)])


def summary(results):
    verdicts = [line.verdict for line in lines(results)]
    words = [f"{verdicts.count(verdict)} {verdict}" for verdict in ("better", "equal", "worse", "invalid")
             if verdicts.count(verdict)]
    return f"ours in {len(verdicts)} comparisons: " + (", ".join(words) or "none")


def page(results, settings, command):
    """A page for docs/."""
    told = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
    return f"""# Against the kernel's client

Written by `{command}`; what is measured and how, what `equal` means, and how to measure again: [bench_lab](guide/bench_lab.md).
Every figure is the median of its rounds, in parentheses the lowest and the highest. A ratio above 1 is better for us.

{table(results)}

{summary(results)}.

## Settings

| what | value |
|---|---|
{told}
"""

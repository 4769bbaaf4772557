"""
Draws deploy/monitoring/dashboard.json into docs/pictures/dashboard.png.

    PYTHONPATH=operator:tests python -m pictures.dashboard

Grafana is not needed: panels, their places, queries and thresholds are those of the file, and the
numbers the answers of a real Prometheus that scrapes a real operator in `support.incidents`.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
from matplotlib import dates, rcParams, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from support import incidents, prometheus
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.prometheus import Prometheus, panel_expression
from support.shop import Shop
from support.simulator import Simulator
from support.system_fixtures import DURATIONS, PACE

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PICTURE = ROOT / "docs" / "pictures" / "dashboard.png"

_COLUMNS, _WIDTH, _ROW_HEIGHT = 24, 19.2, 0.41
"""Of Grafana's grid; inches of the picture, and of one row of the grid."""

_GAP = 0.09
"""Inches between two panels, on each side."""

_BACK, _PANEL, _TEXT, _FAINT = "#f4f5f5", "#ffffff", "#24292e", "#6e757c"
_COLOURS = {
    "green": "#56a64b",
    "yellow": "#e0b400",
    "orange": "#ff780a",
    "red": "#e02f44",
    "blue": "#3274d9",
}
_LINES = ("#3274d9", "#56a64b", "#e0b400", "#ff780a", "#e02f44", "#a352cc", "#37872d", "#1f60c4")
_SHOWN_ROWS = 10
_CELL = 30
"""Characters of a table's cell."""


def main() -> int:
    """Play, ask and draw."""
    if missing := prometheus.missing():
        sys.stderr.write(f"Prometheus is needed: {missing}\n")
        return 1
    with ControlPlane.start(controllers=False) as control_plane, Simulator() as rds:
        cluster = Cluster(control_plane)
        rds.config(durations=DURATIONS)
        settings = {**PACE, **incidents.SETTINGS}
        operator = OperatorProcess(
            kubeconfig=cluster.kubeconfig,
            api_url=rds.url,
            **settings,  # type: ignore[arg-type]  # `ahead` and `module` are not among settings
        )
        with operator as running:
            running.wait_ready()
            assert running.port is not None
            began = time.time()
            with Prometheus([running.port], rules=MONITORING / "alerts.yaml") as scraping:
                incidents.play(Shop(cluster, rds, cluster.namespace("shop", credentials=False)))
                draw(scraping, began=began, ended=time.time())
        cluster.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB")
    return 0


def draw(scraping: Prometheus, *, began: float, ended: float) -> None:
    """Draw all panels with what Prometheus answers."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    rows = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard["panels"])
    height = rows * _ROW_HEIGHT + 0.6
    rcParams.update({"font.family": "DejaVu Sans", "text.parse_math": False})
    figure = Figure(figsize=(_WIDTH, height), facecolor=_BACK)
    figure.text(
        0.008, 1 - 0.36 / height, dashboard["title"], fontsize=15, weight="bold", color=_TEXT
    )
    for panel in dashboard["panels"]:
        axes = _place(figure, panel, height)
        if panel["type"] == "row":
            axes.set_axis_off()
            axes.text(0, 0.15, f"▾ {panel['title']}", fontsize=12, weight="bold", color=_TEXT)
            continue
        _frame(figure, panel, height)
        answers = [
            (target, _answer(scraping, target, began=began, ended=ended))
            for target in panel["targets"]
        ]
        _DRAWN_BY[panel["type"]](axes, panel, answers)
    figure.savefig(PICTURE, dpi=84)


def _box(panel: Json, height: float) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of a panel, in inches."""
    at = panel["gridPos"]
    unit = _WIDTH / _COLUMNS
    top = height - 0.55 - at["y"] * _ROW_HEIGHT
    high = at["h"] * _ROW_HEIGHT
    return at["x"] * unit + _GAP, top - high + _GAP, at["w"] * unit - 2 * _GAP, high - 2 * _GAP


def _frame(figure: Figure, panel: Json, height: float) -> None:
    left, bottom, wide, high = _box(panel, height)
    box = (left / _WIDTH, bottom / height, wide / _WIDTH, high / height)
    frame = figure.add_axes(box, facecolor=_PANEL, zorder=0)
    frame.set_xticks([])
    frame.set_yticks([])
    for side in frame.spines.values():
        side.set_color("#d8dadd")
    frame.annotate(
        panel["title"],
        (0, 1),
        xycoords="axes fraction",
        xytext=(7, -15),
        textcoords="offset points",
        fontsize=10.5,
        weight="bold",
        color=_TEXT,
    )


def _place(figure: Figure, panel: Json, height: float) -> Axes:
    left, bottom, wide, high = _box(panel, height)
    beside = panel["type"] == "timeseries" and (
        panel["options"]["legend"]["placement"] == "right" or panel["fieldConfig"]["overrides"]
    )
    insets = {
        "row": (0.0, 0.0, 0.0, 0.0),
        "timeseries": (0.62, 0.66, 0.2, 0.34),
        "bargauge": (3.4, 0.16, 0.75, 0.36),
        "stat": (0.1, 0.1, 0.1, 0.34),
        "table": (0.15, 0.12, 0.15, 0.36),
    }[panel["type"]]
    before, below, after, above = insets
    if beside:
        after, below = (0.5, below) if panel["fieldConfig"]["overrides"] else (2.7, 0.35)
    box = (
        (left + before) / _WIDTH,
        (bottom + below) / height,
        (wide - before - after) / _WIDTH,
        (high - below - above) / height,
    )
    axes = figure.add_axes(box, zorder=1, facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def _answer(scraping: Prometheus, target: Json, *, began: float, ended: float) -> list[Json]:
    asked = panel_expression(target["expr"], seconds=int(ended - began))
    if target.get("instant"):
        return scraping.query(asked)
    return scraping.samples(asked, start=began, end=ended)


def _label(target: Json, metric: Json) -> str:
    text: str = target["legendFormat"]
    for name, value in metric.items():
        text = text.replace("{{" + name + "}}", value)
    return text.strip()


def _unit(panel: Json, value: float) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if unit == "s":
        return _seconds(value)
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    ending = {"d": " d", "reqps": "/s", "ops": "/s"}.get(unit, "")
    return f"{value:.3g}{ending}"


def _seconds(value: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.0f} {name}"
    return f"{value * 1000:.0f} ms" if 0 < value < 1 else f"{value:.0f} s"


def _colour(panel: Json, value: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    passed = [step for step in steps if step["value"] is None or value >= step["value"]]
    return _COLOURS[passed[-1]["color"]]


def _timeseries(axes: Axes, panel: Json, answers: Sequence[tuple[Json, list[Json]]]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    series: list[tuple[str, Any, list[float]]] = [
        (
            _label(target, each["metric"]),
            [datetime.fromtimestamp(at, UTC) for at, _ in each["values"]],
            [float(value) for _, value in each["values"]],
        )
        for target, found in answers
        for each in found
    ]
    stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    below: Counter[datetime] = Counter()
    right = None
    for number, (label, at, own) in enumerate(sorted(series)):
        on, values, base = axes, own, [0.0] * len(own)
        if stacked:
            base = [below[moment] for moment in at]
            values = [low + value for low, value in zip(base, own, strict=True)]
            below.update(dict(zip(at, own, strict=True)))
        if label.startswith("CPU"):  # Its own scale, as the panel's override has it.
            on = right = right or axes.twinx()
        colour = _LINES[number % len(_LINES)]
        on.plot(at, values, color=colour, linewidth=1.6, label=label)
        if on is axes:
            alpha = 0.3 if stacked else 0.08
            on.fill_between(at, base, values, color=colour, alpha=alpha, linewidth=0)
    for each, shown in ((axes, panel), (right, None)):
        if each is None:
            continue
        each.set_ylim(bottom=defaults.get("min"), top=_top(each.get_ylim()[1]))
        form = (lambda value, _at: _unit(panel, value)) if shown else lambda v, _at: f"{v:.0%}"
        each.yaxis.set_major_formatter(ticker.FuncFormatter(form))
        each.yaxis.set_major_locator(ticker.MaxNLocator(4))
        each.tick_params(labelsize=8, length=0, colors=_FAINT)
        for side in each.spines.values():
            side.set_visible(False)
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(4))
    axes.grid(color="#e6e7e9", linewidth=0.7)
    axes.set_axisbelow(True)
    lines = [*axes.get_lines(), *(right.get_lines() if right else [])]
    names = [str(line.get_label()) for line in lines]
    beside = panel["options"]["legend"]["placement"] == "right"
    wide = panel["gridPos"]["w"] * _WIDTH / _COLUMNS
    longest = max((len(name) for name in names), default=1)
    columns = max(1, min(len(names), int((wide - 0.3) / (0.42 + longest * 0.068))))
    axes.legend(
        lines,
        names,
        loc="upper left" if beside else "upper center",
        bbox_to_anchor=(1.01, 1.05) if beside else (0.5, -0.13),
        ncols=1 if beside else columns,
        fontsize=8,
        frameon=False,
        labelcolor=_TEXT,
        handlelength=1.2,
        columnspacing=1.0,
        labelspacing=0.3,
    )


def _top(most: float) -> float:
    """Return where an axis ends; that of what is always 0 at 1."""
    return most * 1.06 if most > 0.06 else 1.0  # matplotlib gives 0.055 to what is 0.


def _stat(axes: Axes, panel: Json, answers: Sequence[tuple[Json, list[Json]]]) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    found = [(_label(target, each["metric"]), each) for target, all_ in answers for each in all_]
    for number, (label, each) in enumerate(found):
        value = float(each["value"][1])
        low, high = number / len(found), (number + 1) / len(found)
        axes.axvspan(low + 0.004, high - 0.004, color=_colour(panel, value), linewidth=0)
        text = _unit(panel, round(value, panel["fieldConfig"]["defaults"].get("decimals", 3)))
        middle = (low + high) / 2
        white: Json = {"color": "white", "ha": "center", "va": "center"}
        axes.text(middle, 0.5, text, fontsize=21, weight="bold", **white)
        if label:
            axes.text(middle, 0.8, label, fontsize=11, **white)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _bargauge(axes: Axes, panel: Json, answers: Sequence[tuple[Json, list[Json]]]) -> None:
    found = [(_label(target, each["metric"]), float(each["value"][1]))
             for target, all_ in answers for each in all_]  # fmt: skip
    found.reverse()
    most = max((value for _, value in found), default=1.0)
    for number, (label, value) in enumerate(found):
        axes.barh(number, most, color="#eceef0", height=0.72)
        axes.barh(number, value, color=_colour(panel, value), height=0.72)
        axes.text(-0.01 * most, number, label, fontsize=9, color=_TEXT, ha="right", va="center")
        axes.text(
            1.015 * most, number, _unit(panel, value), fontsize=9, color=_colour(panel, value),
            weight="bold", va="center",
        )  # fmt: skip
    axes.set_xlim(0, most)
    axes.set_ylim(-0.6, max(len(found), 6) - 0.4)
    axes.set_xticks([])
    axes.set_yticks([])


def _table(axes: Axes, panel: Json, answers: Sequence[tuple[Json, list[Json]]]) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    options = panel["transformations"][0]["options"]
    found = [
        {**each["metric"], "Value": f"{float(each['value'][1]):.0f}"}
        for _, all_ in answers
        for each in all_
    ]
    names = sorted(
        (name for name in found[0] if not options["excludeByName"].get(name)),
        key=lambda name: options["indexByName"].get(name, len(found[0])),
    )
    wide = panel["gridPos"]["w"] * _WIDTH / _COLUMNS
    high = panel["gridPos"]["h"] * _ROW_HEIGHT - 0.6
    lengths = [
        max(len(options["renameByName"].get(name, name)), *(len(each[name]) for each in found))
        for name in names
    ]
    shares = [min(length, _CELL) + 3 for length in lengths]
    rows = sorted([each[name] for name in names] for each in found)
    room = int(high / 0.27) - 1
    step, left = 0.27 / high, 0.0
    for column, (name, share) in enumerate(zip(names, shares, strict=True)):
        title = options["renameByName"].get(name, name)
        axes.text(left, 1 - step / 2, title, fontsize=9, weight="bold", color=_FAINT, va="center")
        for number, row in enumerate(rows[: min(room, _SHOWN_ROWS + 4)]):
            axes.text(
                left, 1 - step * (number + 1.5), row[column][:_CELL], fontsize=9, color=_TEXT,
                va="center",
            )  # fmt: skip
        left += min(share / sum(shares), share * 0.085 / wide * 1.25)
    for number in range(min(room, len(rows)) + 1):
        axes.axhline(1 - step * (number + 1), color="#e6e7e9", linewidth=0.7)


_DRAWN_BY = {"timeseries": _timeseries, "stat": _stat, "bargauge": _bargauge, "table": _table}


if __name__ == "__main__":
    sys.exit(main())

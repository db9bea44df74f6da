# SPDX-License-Identifier: BSD-2-Clause
"""Plots of rate over threads, drawn by gnuplot."""
import pathlib
import shutil
import subprocess

PREAMBLE = """set terminal svg size 900,{height} font 'sans,11' background '#ffffff'
set output '{path}'
set multiplot layout {rows},{columns} title '{title}'
set grid lc rgb '#dddddd'
set key outside right
set xlabel '{xlabel}'
set ylabel 'million operations / s'
set yrange [0:*]
"""


def draw(path, title, xlabel, panels, columns=2):
    """panels: [(title, {label: [(x, y)]})]. False without gnuplot."""
    if shutil.which("gnuplot") is None:
        return False
    rows = -(-len(panels) // columns)
    preamble = {"height": 320 * rows, "path": path, "rows": rows, "columns": columns}
    script = [PREAMBLE.format(title=title, xlabel=xlabel, **preamble)]
    for panel_title, curves in panels:
        script.append(f"set title '{panel_title}'")
        for i, points in enumerate(curves.values()):
            data = "\n".join(f"{x} {y}" for x, y in points)
            script.append(f"$curve{i} << EOD\n{data}\nEOD")
        lines = [
            f"$curve{i} with linespoints lw 1.5 ps 0.5 title '{label}' noenhanced"
            for i, label in enumerate(curves)
        ]
        script.append("plot " + ", ".join(lines))
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)
    return True

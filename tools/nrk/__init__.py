# SPDX-License-Identifier: BSD-2-Clause
"""The launcher `./nrk`: standard library only.

A command is a module in `nrk.commands`: its docstring is its help (first line: the summary),
`configure` declares its options, `run` does the work and returns the exit status. A check of
`./nrk lint` is a module in `nrk.checks`. What a command needs from Debian stands in `nrk.packages`.
"""

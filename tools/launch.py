# SPDX-License-Identifier: BSD-2-Clause
"""Start of the launcher, run by `./nrk`: its place puts the package beside it on the path."""
import sys

from nrk import cli

if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))

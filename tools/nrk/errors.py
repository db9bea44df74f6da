# SPDX-License-Identifier: BSD-2-Clause
"""The two ways in which a command ends early, and the near-miss suggestion that they share."""


class UsageError(Exception):
    """The command line is wrong: exit status 2."""


class Failure(Exception):
    """The work cannot be done; the message says what, and what to do about it."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def nearest(word, known):
    """` (did you mean X?)` for the nearest of the known words, or nothing."""
    import difflib  # here, because it is slow to load and seldom needed

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""

"""How hard Hypothesis tries: two profiles beside the usual one, chosen by HYPOTHESIS_PROFILE; `ci` where CI is set.

This file owns these settings and nothing else. No profile has a deadline: on a machine that others use too, the
time of one example says nothing about the code. None switches a health check off.
"""

import os

from hypothesis import settings

# The same examples on every run, so that a red build can be had again from its commit alone.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2_000, stateful_step_count=100)
if profile := os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else ""):
    settings.load_profile(profile)

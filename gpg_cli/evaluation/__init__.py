"""`gpg eval`: benchmarks -> prompts -> samples -> verdicts -> scores with an interval."""

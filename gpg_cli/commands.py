"""The names of our subcommands, known without importing the Typer app; a test compares the two."""

COMMANDS = ("train", "check", "plan", "eval", "export", "report", "data", "presets", "benches", "rewards", "env")

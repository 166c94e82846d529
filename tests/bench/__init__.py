"""Side by side with what a user would take instead; scripts/bench starts it, README.md says how to read it."""

"""The long runs that judge the pool; scripts/trial starts them, README.md says how to read them."""

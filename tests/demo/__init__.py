"""The operator at work, told step by step; `python -m demo` with tests/ on PYTHONPATH."""

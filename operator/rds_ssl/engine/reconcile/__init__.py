"""One pass over one object: gather, observe, check, plan, gate, act, report."""

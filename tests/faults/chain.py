"""Faults of what is known of the intermediates behind a certificate."""

from faults.fault import Fault

CHAIN = (
    Fault(
        name="send again because nobody knows which intermediates are in force",
        where="planner._settled",
        old="    open_questions = comparison.unknown - {Field.CHAIN}\n",
        new="    open_questions = comparison.unknown\n",
        tests=("core/planning/test_chain.py", "engine/reconcile/test_chain.py"),
    ),
    Fault(
        name="take an older record for one of a certificate without intermediates",
        where="same_chain",
        old="    if was is None or was.chain is None or ",
        new="    if was is None or ",
        tests=("core/planning/test_chain.py", "engine/reconcile/test_chain.py"),
    ),
    Fault(
        name="take what is shown of the intermediates for all of them",
        where="same_chain",
        old="    if not set(shown) <= set(expected):\n",
        new="    if set(shown) != set(expected):\n",
        tests=("core/planning/test_chain.py",),
    ),
    Fault(
        name="hide a change of the intermediates alone",
        where="same_material",
        old="self.material == other.material and not (",
        new="self.material == other.material or not (",
        tests=("core/planning/test_chain.py",),
    ),
    Fault(
        name="believe that intermediates were changed because the certificate is shown",
        where="following._compare",
        old="    if changes_chain(target, applied):\n",
        new="    if changes_chain(target, applied) and not observed.enabled:\n",
        tests=("engine/reconcile/test_chain.py",),
    ),
    Fault(
        name="forget the intermediates where it is told what ends",
        where="expiry._spans",
        old="    yield from _intermediate_spans(intermediates)\n",
        new="",
        tests=("core/checks/test_expiry.py", "engine/reconcile/test_chain.py"),
    ),
    Fault(
        name="let every intermediate that ended end the certificate",
        where="_intermediate_spans",
        old="            last=needed,\n",
        new="            last=True,\n",
        tests=("core/checks/test_expiry.py",),
    ),
    Fault(
        name="take a certificate that was found in force for one that is served alone",
        where="brings_none",
        old=" or state.intermediates_unknown",
        new="",
        tests=("engine/reconcile/test_chain.py",),
    ),
)

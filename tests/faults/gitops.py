"""Faults in what other tools are told, by conditions and by what may be approved."""

from faults.fault import Fault

GITOPS = (
    Fault(
        name="approve from the command line what Argo CD does not offer",
        where="views.APPROVABLE",
        old="Reason.CHANGE_LIMIT_REACHED})",
        new="Reason.CHANGE_LIMIT_REACHED, Reason.AWAITING_WINDOW})",
        tests=("tests/contract/test_argocd.py",),
    ),
    Fault(
        name="keep a condition that is over",
        where="conditions.compose",
        old="""\
        if finding is not None:
            own.append(condition(kind, "True", finding))
""",
        new="""\
        if finding is not None or kind in old:
            own.append(condition(kind, "True", finding or verdict.finding))
""",
        tests=("core/api/test_conditions.py", "tests/contract/test_argocd.py"),
    ),
    Fault(
        name="call what is held a change that is under way",
        where="outcomes.held",
        old="reconciling=pending if hold.moving else None,",
        new="reconciling=pending,",
        tests=("engine/test_policies_page.py",),
    ),
)

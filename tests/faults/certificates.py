"""Faults in reading and judging certificates and lists (`rds_ssl.core.x509`)."""

from faults.fault import Fault

CHAINS = "core/x509/test_chains.py"
TEXT = "core/x509/test_pem_text.py"
SHOWN = "core/x509/test_reading.py"

CERTIFICATES = (
    Fault(
        name="leave a block with a label that is not known out in silence",
        where="pem_blocks._selected",
        old="        if block.label not in kind.labels and block.label not in kind.harmless:\n",
        new="        if block.label in _REMEDIES and block.label not in kind.harmless:\n",
        tests=(TEXT,),
    ),
    Fault(
        name="take no notice of a BEGIN line with other dashes",
        where="pem_text._Lines.note",
        old="        elif content.startswith(_END) or _looks_like_begin(content):\n",
        new="        elif content.startswith(_END):\n",
        also=(
            (
                "pem_text._Lines.note",
                "        elif _BODY_LINE.fullmatch(content):\n",
                "        elif number < 0:\n",
            ),
        ),
        tests=(TEXT,),
    ),
    Fault(
        name="read a block that is commented out",
        where="pem_text.scan",
        old="        content = text[position:end].strip(_BLANKS)\n",
        new="        content = text[position:end].strip(_BLANKS + '#;')\n",
        tests=(TEXT,),
    ),
    Fault(
        name="show of a damaged label whatever is in it",
        where="pem_text.cleaned",
        old='    fit = [word if _WORD.fullmatch(word) else "…" for word in words[:_MOST_WORDS]]\n',
        new="    fit = words[:_MOST_WORDS]\n",
        tests=(TEXT,),
    ),
    Fault(
        name="fail to read an instance whose certificate no strict parser takes",
        where="pem._shown",
        old="        facts = _FACTS[digest] = shown_certificate(der)\n",
        new="        (pair,) = _load_certificates(write_block(der, 'CERTIFICATE'), field='x')\n"
        "        facts = _FACTS[digest] = pair[1]\n",
        tests=(SHOWN, "engine/reconcile/test_observing_odd.py"),
    ),
    Fault(
        name="take OpenSSL's own form of a certificate for the certificate in it",
        where="shown_certificate",
        old="    return replace(facts, sha256=hashlib.sha256(der).hexdigest(), unreadable=fault)\n",
        new="    return replace(\n"
        "        facts, sha256=hashlib.sha256(first or der).hexdigest(), unreadable=fault\n"
        "    )\n",
        tests=(SHOWN,),
    ),
    Fault(
        name="take an answer that was cut off for another certificate",
        where="pem_blocks._shown",
        old="            if not first_element(der):\n",
        new="            if not der:\n",
        tests=(SHOWN, "core/rds/test_responses.py"),
    ),
    Fault(
        name="replace a list that cannot be read as if it revoked nothing",
        where="revocation_weakens",
        old="        if old.unreadable:\n",
        new="        if old.unreadable == 'never':\n",
        tests=(SHOWN,),
    ),
    Fault(
        name="demand a list of a CA that has expired",
        where="check_revocation_list",
        old="        if not _is_valid(ca.certificate, now=now):\n",
        new="        if now < ca.certificate.not_before:\n",
        tests=("core/checks/test_client_trust.py", CHAINS),
    ),
    Fault(
        name="say Expired of a stale list of a CA that has expired itself",
        where="_list_spans",
        old=" and (issuer in living or issuer not in names):\n",
        new=" and (issuer in names or issuer not in names):\n",
        tests=("core/checks/test_expiry.py",),
    ),
    Fault(
        name="hold a plan that drops a dead CA for its trust",
        where="impacts._living",
        old="now is None or now < each.not_after]\n",
        new="now is None or each.not_after]\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="replace a client CA without approval where no certificate is needed",
        where="_client_impacts",
        old="    if gone and (desired.client_ca or _demands(*observed.acls)):\n",
        new="    if gone and _demands(*observed.acls, *desired.acls):\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="hold for its trust a plan after which nobody is asked for a certificate",
        where="_client_impacts",
        old="    if gone and (desired.client_ca or _demands(*observed.acls)):\n",
        new="    if gone:\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="judge a link of a chain by names alone",
        where="signed_by",
        old="    except exceptions.InvalidSignature:\n        return False\n",
        new="    except exceptions.InvalidSignature:\n        return True\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="send a chain whose intermediate is not valid yet",
        where="check_server_certificate",
        old="        if now < link.not_before and not is_self_issued(link):\n",
        new="        if now < link.not_before and is_self_issued(link):\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="look through name constraints",
        where="_constraint_fault",
        old="        if any(words in str(error) for words in _CONSTRAINED):\n",
        new="        if all(words in str(error) for words in _CONSTRAINED):\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="trust a client CA for servers only",
        where="chains.for_clients",
        old="    return not usages or ExtendedKeyUsageOID.CLIENT_AUTH in usages\n",
        new="    return not usages or bool(usages)\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="send a key on a curve that serves no TLS",
        where="load_private_key",
        old=" and key.curve.name not in _TLS_CURVE_NAMES:\n",
        new=" and not key.curve.name:\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="send a list with a critical extension in an entry",
        where="critical_in_entries",
        old="        if found:\n",
        new="        if not found and found is None:\n",
        tests=(CHAINS,),
    ),
    Fault(
        name="compare issuers letter by letter",
        where="canonical",
        old=".translate(_LOWER)\n",
        new="\n",
        tests=(CHAINS, "core/checks/test_expiry.py"),
    ),
)

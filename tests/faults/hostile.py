"""Faults in what bounds hostile input."""

from faults.fault import Fault

BOUNDS = "core/x509/test_bounds.py"

HOSTILE = (
    Fault(
        name="give a library an RSA key whose numbers cannot belong together",
        where="_must_be_bounded",
        old="    if not bounds.add_up(numbers):\n",
        new="    if not numbers:\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="compute with a public exponent of any length",
        where="_must_be_bounded",
        old="lax_der.bits(numbers[1]) > bounds.MAX_EXPONENT_BITS:",
        new="lax_der.bits(numbers[1]) > 40 * bounds.MAX_EXPONENT_BITS:",
        tests=(BOUNDS,),
    ),
    Fault(
        name="take a key with a third prime for one with two",
        where="has_more_primes",
        old='    return len(parts) > _RSA_NUMBERS or (bool(parts) and parts[0][1] == b"\\1")\n',
        new="    return len(parts) > 2 * _RSA_NUMBERS\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="test the group of a Diffie-Hellman key in a certificate for primality",
        where="bounds._key_excess",
        old="    if algorithm[0][1] not in SIGNING:\n",
        new="    if not algorithm[0][1]:\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="make an object of each part of a name, however many",
        where="bounds.certificate_excess",
        old="    if max(len(parts[2][1]), len(parts[4][1])) > MAX_NAME_BYTES:\n",
        new="    if len(parts[2][1]) > 99 * MAX_NAME_BYTES:\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="parse the certificate that an instance shows, whatever is in it",
        where="shown_certificate",
        old="        if bounds.certificate_excess(first)\n",
        new="        if not first\n",
        tests=(BOUNDS, "engine/test_no_stall.py"),
    ),
    Fault(
        name="try every list with every CA of its name, whatever that takes",
        where="signed_lists",
        old=" > MOST_SECONDS:\n",
        new=" > 1000 * MOST_SECONDS:\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="hold a list against a key that it does not name",
        where="signers._lists",
        old="            named = [each for each in named if each.key_ids & {key_id, None}]\n",
        new="            named = list(named)\n",
        tests=(BOUNDS,),
    ),
    Fault(
        name="compare all names with all name constraints",
        where="_constraint_fault",
        old=" > _MAX_CONSTRAINED:\n",
        new=" > 100 * _MAX_CONSTRAINED:\n",
        tests=(BOUNDS,),
    ),
)

"""Faults in what bounds hostile input."""

from faults.fault import Fault

BOUNDS = "core/x509/test_bounds.py"
ANSWERS = "aliyun/test_answers.py"

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
    Fault(
        name="take an answer that is nested deeper than anything walks",
        where="answers._is_deep",
        old="        level = inner\n    return True\n",
        new="        level = inner\n    return False\n",
        tests=(ANSWERS,),
    ),
    Fault(
        name="take the last of two values of one field",
        where="answers._without_twins",
        old="    if len(found) < len(pairs):\n",
        new="    if not pairs and found:\n",
        tests=(ANSWERS,),
    ),
    Fault(
        name="keep half a surrogate pair that no status can hold",
        where="answers.read_object",
        old="    return _with_whole_letters(body) if _SURROGATE.search(raw) else body\n",
        new="    return body\n",
        tests=(ANSWERS,),
    ),
    Fault(
        name="compare a request id with secrets after it was cut",
        where="answers._request_id",
        old="        if len(whole) > _ID_CHARACTERS or _echoes(whole, secrets):\n",
        new="        if whole[:_ID_CHARACTERS] in secrets:\n",
        tests=(ANSWERS,),
    ),
    Fault(
        name="take a code that echoes a password for a code",
        where="answers.read_error",
        old="        or _echoes(whole.strip()[:_NAME_CHARACTERS], secrets, code=code)\n",
        new="",
        tests=(ANSWERS,),
    ),
    Fault(
        name="show a key in the field that came beside it",
        where="RdsApi._call",
        old=" if lines else kept\n",
        new=" if not lines else kept\n",
        tests=("aliyun/test_rds.py",),
    ),
    Fault(
        name="spoil a certificate that has lines in common with its key",
        where="rds._without_echoes",
        old="        return answers.replaced(before, lines) + begin + rest\n",
        new="        return answers.replaced(value, lines)\n",
        tests=("aliyun/test_rds.py",),
    ),
    Fault(
        name="end a pass for a Date with a huge offset",
        where="Transport._compare_clocks",
        old="        except (ValueError, OverflowError):",
        new="        except ValueError:",
        tests=("aliyun/test_transport.py",),
    ),
    Fault(
        name="end a pass for a time at the end of the calendar",
        where="moments.shifted",
        old="    except OverflowError:\n",
        new="    except ZeroDivisionError:\n",
        tests=("core/test_moments.py",),
    ),
    Fault(
        name="tell an outage in other words with each probe",
        where="Outages.words",
        old="        return self._told.setdefault(endpoint, finding) if endpoint in self._probers"
        " else finding\n",
        new="        return finding\n",
        tests=("engine/reconcile/test_api_failures.py",),
    ),
    Fault(
        name="show a name that steers a terminal",
        where="formats.escaped",
        old="    if text.isprintable():\n",
        new="    if text:\n",
        tests=("core/test_formats.py",),
    ),
    Fault(
        name="keep any number of unfinished requests open",
        where="PatientServer.connection_made",
        old="        self._wait(handler)\n",
        new="",
        tests=("tests/contract/test_http_server.py",),
    ),
    Fault(
        name="ask the terminal for the passphrase of a kubeconfig's key",
        where="KubeCredentials.tls",
        old=", password=_no_passphrase\n",
        new="\n",
        tests=("kube/test_access.py",),
    ),
)

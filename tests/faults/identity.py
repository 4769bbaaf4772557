"""Faults in whose credentials a call is signed with, and in how they are renewed."""

from faults.fault import Fault

PROVIDERS = ("aliyun/identity/test_providers.py",)
SOURCES = ("aliyun/identity/test_sources.py",)
CLOUDS = ("engine/gather/test_clouds.py",)

IDENTITY = (
    Fault(
        name="ask for a key of one's own while another asks already",
        where="RenewingProvider._start",
        old="        if self._renewal is None:\n",
        new="        if True:\n",
        tests=PROVIDERS,
    ),
    Fault(
        name="let who waits and is cancelled take the key from the others",
        where="RenewingProvider.credentials",
        old="await asyncio.shield(self._start())",
        new="await self._start()",
        tests=PROVIDERS,
    ),
    Fault(
        name="renew a key only when it has ended",
        where="RenewingProvider._renew",
        old="        self._renew_at = now + life * (1 - EARLY * self._spread(1.0, 1.2))\n",
        new="        self._renew_at = now + life\n",
        tests=PROVIDERS,
    ),
    Fault(
        name="wait for a renewal although the old key lives",
        where="RenewingProvider.credentials",
        old="                    self._start()\n                return",
        new="                    await self._start()\n                return",
        tests=PROVIDERS,
    ),
    Fault(
        name="ask at each call while nobody gives a key",
        where="RenewingProvider.credentials",
        old="and now < self._next_attempt:",
        new="and False:",
        tests=PROVIDERS,
    ),
    Fault(
        name="drop the old key when it cannot be renewed",
        where="RenewingProvider._failed",
        old="        if self._issued is not None and now >= self._ends_at:\n",
        new="        if self._issued is not None:\n",
        tests=PROVIDERS,
    ),
    Fault(
        name="go on with a key that was refused",
        where="RenewingProvider.after_refusal",
        old="            self._issued = None\n",
        new="            pass\n",
        tests=PROVIDERS,
    ),
    Fault(
        name="replace each key that is refused at once",
        where="RenewingProvider.after_refusal",
        old="if self._refusals and now < self._next_after_refusal:",
        new="if False:",
        tests=PROVIDERS,
    ),
    Fault(
        name="make a call again whatever it was refused for",
        where="RdsApi._signed",
        old="            if faults.renews(error):\n",
        new="            if True:\n",
        tests=("core/rds/test_sts_codes.py", *CLOUDS),
    ),
    Fault(
        name="make a call again that may have been executed",
        where="_OF_A_SESSION",
        old='        "InvalidSecurityToken.Malformed",\n',
        new='        "InvalidSecurityToken.Malformed",\n        "InternalError",\n',
        tests=("core/rds/test_sts_codes.py",),
    ),
    Fault(
        name="put the token of the ServiceAccount into the URL",
        where="dialects.sign",
        old="            query=form(names),\n",
        new="            query=form({**names, **parameters}),\n",
        tests=SOURCES,
    ),
    Fault(
        name="send the end of the line of a token's file along",
        where="OidcSource._token",
        old='            text = raw.decode("ascii", "replace").strip()\n',
        new='            text = raw.decode("ascii", "replace")\n',
        tests=SOURCES,
    ),
    Fault(
        name="ask the metadata service without a token although that is forbidden",
        where="Metadata._token",
        old="        if not self._version_1:\n",
        new="        if False:\n",
        tests=SOURCES,
    ),
    Fault(
        name="tell the end of a key by one's own clock",
        where="Transport.their_now",
        old="- timedelta(seconds=self.clock_skew or 0.0)",
        new="- timedelta(0)",
        tests=SOURCES,
    ),
    Fault(
        name="leave a policy out that was meant to narrow",
        where="role_from_secret",
        old="        for key in texts:\n",
        new="        for key in ():\n",
        tests=CLOUDS,
    ),
    Fault(
        name="act in a role that nobody has allowed to the namespace",
        where="Clouds._of_the_operator",
        old="        if not self._allowed(namespace, declaration.instance_id, arn):\n",
        new="        if not self._allowed(namespace, declaration.instance_id, ''):\n",
        tests=CLOUDS,
    ),
    Fault(
        name="assume a role for every namespace with one external id",
        where="Clouds._of_the_operator",
        old='            external_id=f"{self._external_id_prefix}:{namespace}",\n',
        new="            external_id=self._external_id_prefix,\n",
        tests=CLOUDS,
    ),
    Fault(
        name="count the keys of one role as several accounts",
        where="RenewingProvider.principal",
        old="        return self._principal\n",
        new="        return self._principal + str(id(self._issued))\n",
        tests=CLOUDS,
    ),
    Fault(
        name="keep the keys of an identity that nobody names any more",
        where="Identities.release",
        old="            self._known.pop(place, None)\n",
        new="            pass\n",
        tests=CLOUDS,
    ),
    Fault(
        name="take an STS that is down for an RDS that is down",
        where="read_failed",
        old="    if isinstance(error, NoCredentials):\n",
        new="    if False:\n",
        tests=CLOUDS,
    ),
    Fault(
        name="tell the external id of a Secret",
        where="Sts.no_credentials",
        old='external_id=role.external_id if role.made_up else "",',
        new="external_id=role.external_id,",
        tests=SOURCES,
    ),
)

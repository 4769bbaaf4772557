"""Faults of the way to the cloud: whom it trusts, what goes through a proxy, what is plain."""

from faults.fault import Fault

PROXY = ("tests/contract/test_http_proxy.py",)
SETTINGS = ("tests/unit/test_settings.py",)

WAY = (
    Fault(
        name="trust the public CAs beside the own ones",
        where="make_http_transport",
        old="context = ssl.create_default_context(cafile=ca_bundle)",
        new="context = httpx.create_ssl_context(trust_env=False)\n"
        "        context.load_verify_locations(cafile=ca_bundle)",
        tests=PROXY,
    ),
    Fault(
        name="let the environment name other CAs",
        where="make_http_transport",
        old="httpx.create_ssl_context(trust_env=False)",
        new="httpx.create_ssl_context(trust_env=True)",
        tests=PROXY,
    ),
    Fault(
        name="not ask whose certificate it is",
        where="make_http_transport",
        old="    return AiohttpTransport(\n",
        new="    context.check_hostname = False\n    return AiohttpTransport(\n",
        tests=PROXY,
    ),
    Fault(
        name="send the proxy's login on to the cloud",
        where="AiohttpTransport._send",
        old="headers=request.headers.multi_items(),",
        new="headers=[*request.headers.multi_items(), *(_login(proxy) or {}).items()],",
        tests=PROXY,
    ),
    Fault(
        name="ask a proxy for this machine",
        where="AiohttpTransport._send",
        old="None if is_behind_no_proxy(request.url.host) else self._proxy",
        new="self._proxy",
        tests=PROXY,
    ),
    Fault(
        name="keep the proxy's login in an error",
        where="_without_request",
        old="None if isinstance(error, aiohttp.ClientResponseError) else error",
        new="error",
        tests=PROXY,
    ),
    Fault(
        name="take a proxy that says no for an unknown outcome",
        where="BEFORE_THE_REQUEST",
        old="    aiohttp.ClientHttpProxyError: httpx.ProxyError,\n",
        new="",
        tests=PROXY,
    ),
    Fault(
        name="take a proxy without a name for a region without a host",
        where="AiohttpTransport._send",
        old="        if proxy and isinstance(failure, aiohttp.ClientConnectorDNSError):\n",
        new="        if False:\n",
        tests=PROXY,
    ),
    Fault(
        name="take plain http to another machine as it comes",
        where="settings._contradictions",
        old="if sends_plain_http(settings) and not settings.allow_http:",
        new="if False:",
        tests=SETTINGS,
    ),
    Fault(
        name="start with a file of CAs that holds none",
        where="unusable_bundle",
        old="""    if not context.cert_store_stats()["x509_ca"]:\n""",
        new="    if False:\n",
        tests=SETTINGS,
    ),
    Fault(
        name="show the login for the proxy",
        where="settings._WITHOUT_FLAG",
        old="""(*OF_A_KEY, "proxy_credentials")""",
        new="OF_A_KEY",
        tests=SETTINGS,
    ),
    Fault(
        name="repeat the password in a proxy's URL",
        where="settings._URLS",
        old="""("api_url", "proxy", "tracing_endpoint")""",
        new="""("api_url", "tracing_endpoint")""",
        tests=SETTINGS,
    ),
    Fault(
        name="read Secrets over a connection that nobody has verified",
        where="KubeClient.connect",
        old="if verified and not found.verifies:",
        new="if False:",
        tests=("tests/contract/test_kube_credentials.py",),
    ),
)

"""Hosts by region, and URLs that must not get a private key."""

import pytest

from rds_ssl.aliyun.endpoints import Network, checked_url, endpoint_url


@pytest.mark.parametrize(
    ("region", "network", "host"),
    [
        pytest.param("cn-hangzhou", "public", "rds.aliyuncs.com", id="a mapped region"),
        pytest.param("ap-southeast-1", "public", "rds.aliyuncs.com", id="mapped by the SDK only"),
        pytest.param("cn-chengdu", "public", "rds.cn-chengdu.aliyuncs.com", id="any other region"),
        pytest.param("eu-central-1", "public", "rds.eu-central-1.aliyuncs.com", id="Frankfurt"),
        pytest.param(
            "cn-heyuan-acdr-1", "public", "rds.cn-heyuan-acdr-1.aliyuncs.com", id="not cn-heyuan"
        ),
        pytest.param(
            "cn-hangzhou-finance",
            "public",
            "rds-vpc.cn-hangzhou-finance.aliyuncs.com",
            id="finance",
        ),
        pytest.param("cn-chengdu", "vpc", "rds-vpc.cn-chengdu.aliyuncs.com", id="vpc"),
        pytest.param(
            "cn-hangzhou", "vpc", "rds-vpc.cn-hangzhou.aliyuncs.com", id="vpc wins over the map"
        ),
    ],
)
def test_a_region_has_its_host(region: str, network: Network, host: str) -> None:
    assert endpoint_url(region, network=network) == f"https://{host}"


def test_an_override_wins_over_region_and_network() -> None:
    url = endpoint_url("cn-hangzhou", network="vpc", override="http://127.0.0.1:8080/")

    assert url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "region",
    ["", "cn-hangzhou.evil.example", "cn hangzhou", "evil.example/", "-a", "CN-HANGZHOU", "a\n"],
)
def test_a_region_that_would_make_another_host_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="region id"):
        endpoint_url(region)


@pytest.mark.parametrize(
    "url",
    ["https://rds.aliyuncs.com", "http://localhost:1234", "http://[::1]:80", "http://127.9.9.9"],
)
def test_https_and_this_machine_may_get_requests(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://rds.aliyuncs.com", id="http to another machine"),
        pytest.param("http://localhost.evil.example", id="a host that begins like this machine"),
        pytest.param("http://10.0.0.1", id="a private address is another machine"),
        pytest.param("ftp://127.0.0.1", id="another protocol"),
        pytest.param("rds.aliyuncs.com", id="no protocol"),
        pytest.param("https://", id="no host"),
        pytest.param("https://user:pass@rds.aliyuncs.com", id="a password"),
        pytest.param("https://rds.aliyuncs.com/path", id="a path"),
        pytest.param("https://rds.aliyuncs.com?a=b", id="a query"),
        pytest.param("https://rds.aliyuncs.com:99999", id="an impossible port"),
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"API endpoint|[Pp]ort") as caught:
        checked_url(url)

    assert "pass" not in str(caught.value)

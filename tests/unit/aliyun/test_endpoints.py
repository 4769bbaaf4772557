"""Hosts by region, and URLs that must not get a private key."""

import pytest

from rds_ssl.aliyun.endpoints import Network, checked_url, endpoint_of, endpoint_url


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
            "rds.aliyuncs.com",
            id="finance, not the SDK's VPC host",
        ),
        pytest.param(
            "cn-hangzhou-finance",
            "vpc",
            "rds-vpc.cn-hangzhou-finance.aliyuncs.com",
            id="finance in its VPC",
        ),
        pytest.param("cn-hongkong", "public", "rds.aliyuncs.com", id="Hong Kong"),
        pytest.param(
            "me-central-1", "public", "rds.me-central-1.aliyuncs.com", id="newer than all lists"
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


BY_REGION = "cn-hangzhou=https://rds.corp:8443/, cn-x=http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("cn-hangzhou", "https://rds.corp:8443"),
        ("cn-x", "http://127.0.0.1:1"),
        ("cn-beijing", "https://rds.aliyuncs.com"),
        ("cn", "https://rds.cn.aliyuncs.com"),
    ],
)
def test_a_map_overrides_the_regions_that_it_names(region: str, url: str) -> None:
    assert endpoint_url(region, override=BY_REGION) == url


@pytest.mark.parametrize(
    ("region", "network", "override", "host"),
    [
        ("cn-typo", "public", "", "rds.cn-typo.aliyuncs.com"),
        ("cn-typo", "vpc", "", "rds-vpc.cn-typo.aliyuncs.com"),
        ("cn-hangzhou", "vpc", "", "rds-vpc.cn-hangzhou.aliyuncs.com"),
        ("cn-hangzhou", "public", "", ""),
        ("cn-typo", "public", "https://rds.corp", ""),
        ("cn-typo", "public", "cn-typo=https://rds.corp", ""),
        ("cn-typo", "public", "cn-other=https://rds.corp", "rds.cn-typo.aliyuncs.com"),
    ],
)
def test_only_a_host_that_is_made_of_the_name_of_a_region_may_be_missing_for_its_sake(
    region: str, network: Network, override: str, host: str
) -> None:
    assert endpoint_of(region, network=network, override=override).host == host


def test_a_url_of_a_map_is_checked_as_any_other() -> None:
    with pytest.raises(ValueError, match="API endpoint"):
        endpoint_url("cn-x", override="cn-x=http://rds.corp")


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

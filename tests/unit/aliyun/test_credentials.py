"""Access keys: where they come from, and what is refused without showing it."""

import pytest

from rds_ssl.aliyun.credentials import Credentials, from_secret, identity_of
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.secret_text import SecretText


def test_a_secret_is_read_without_surrounding_white_space() -> None:
    data = {
        "accessKeyId": b" LTAI5tX\n",
        "accessKeySecret": b"hush\r\n",
        "securityToken": b"t/+=\n",
    }

    assert from_secret(data, name="aliyun") == Credentials(
        access_key_id="LTAI5tX",
        access_key_secret=SecretText("hush"),
        security_token=SecretText("t/+="),
    )


@pytest.mark.parametrize("token", [{}, {"securityToken": b""}], ids=["no token", "an empty token"])
def test_a_permanent_key_has_no_token(token: dict[str, bytes]) -> None:
    data = {"accessKeyId": b"LTAI5tX", "accessKeySecret": b"hush", **token}

    assert from_secret(data, name="aliyun").security_token is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(
            {"accessKeyId": None}, "Secret aliyun, key accessKeyId is missing", id="no id"
        ),
        pytest.param(
            {"accessKeySecret": None},
            "Secret aliyun, key accessKeySecret is missing",
            id="no secret",
        ),
        pytest.param(
            {"accessKeyId": b" \n"}, "Secret aliyun, key accessKeyId is empty", id="blank"
        ),
        pytest.param(
            {"accessKeyId": b"L" * 900_000},
            "Secret aliyun, key accessKeyId is longer than 128 characters, which no such key is",
            id="a long id",
        ),
        pytest.param(
            {"accessKeySecret": b"hush" * 65},
            "Secret aliyun, key accessKeySecret is longer than 256 characters, which no such key"
            " is",
            id="a long secret",
        ),
        pytest.param(
            {"securityToken": b"hush" * 5000},
            "Secret aliyun, key securityToken is longer than 16384 characters, which no such key"
            " is",
            id="a long token",
        ),
        pytest.param(
            {"accessKeySecret": b"\xff\xfehush"},
            "Secret aliyun, key accessKeySecret is not text",
            id="bytes",
        ),
        pytest.param(
            {"accessKeyId": b"LTAI\r\nx-evil: 1"},
            "Secret aliyun, key accessKeyId holds characters that no access key has",
            id="an id that would end its header",
        ),
        pytest.param(
            {"accessKeyId": b"LTAI,Signature=0"},
            "Secret aliyun, key accessKeyId holds characters that no access key has",
            id="an id that would end its field",
        ),
        pytest.param(
            {"securityToken": "tök".encode()},
            "Secret aliyun, key securityToken holds characters that no access key has",
            id="a token outside of ASCII",
        ),
        pytest.param(
            {"securityToken": b" "}, "Secret aliyun, key securityToken is empty", id="a blank token"
        ),
    ],
)
def test_a_faulty_secret_is_refused_with_the_name_of_the_key(
    change: dict[str, bytes | None], text: str
) -> None:
    whole = {"accessKeyId": b"LTAI5tX", "accessKeySecret": b"hush", **change}
    data = {key: value for key, value in whole.items() if value is not None}

    with pytest.raises(MaterialError) as caught:
        from_secret(data, name="aliyun")

    assert str(caught.value) == text
    assert caught.value.reason is Reason.CREDENTIALS_INVALID
    assert text.startswith(caught.value.field)
    assert caught.value.__cause__ is None


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(
        Credentials(
            access_key_id="LTAI5tX",
            access_key_secret=SecretText("hush"),
            security_token=SecretText("token-of-sts"),
        )
    )

    assert "LTAI5tX" in shown
    assert "hush" not in shown
    assert "token-of-sts" not in shown


def test_an_identity_is_the_same_for_the_same_credentials_only_and_shows_nothing_of_them() -> None:
    def identity(**data: bytes) -> str:
        given = {"accessKeyId": b"LTAI5t", "accessKeySecret": b"secret", **data}
        return identity_of(from_secret(given, name="keys"))

    assert identity() == identity()
    others = {identity(**{name: b"other"}) for name in ("accessKeyId", "accessKeySecret")}
    others.add(identity(securityToken=b"token"))
    assert len({*others, identity()}) == 4
    assert "LTAI5t" not in identity()
    assert "secret" not in identity()

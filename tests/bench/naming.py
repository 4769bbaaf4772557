"""What the objects, their Secrets and their instances are called, by number."""


def name_of(number: int) -> str:
    """Name an object."""
    return f"db-{number:05}"


def secret_of(number: int) -> str:
    """Name its Secret."""
    return f"{name_of(number)}-tls"


def instance_of(number: int) -> str:
    """Give the ID of its instance."""
    return f"pgm-{name_of(number)}"


def host_of(number: int) -> str:
    """Give the instance's endpoint, for which the certificate is made."""
    return f"{instance_of(number)}.pg.rds.aliyuncs.com"


def number_of(name: str) -> int:
    """Tell the number from the name of an object, or the ID of an instance."""
    return int(name.rpartition("-")[2])

"""What is wrong with a URL that the platform is to call for a department."""

from collections.abc import Collection

from gateway.services import Services
from kernel.errors import FieldErrors
from kernel.outbound.addresses import Network
from kernel.outbound.errors import OutboundError, Reason


async def url_faults(
    using: Services, path: str, url: str | None, networks: Collection[Network]
) -> FieldErrors:
    """Return field errors; a name that is not known yet is no fault of its URL."""
    errors = FieldErrors()
    if url is None:
        return errors
    try:
        await using.bus.outbound.addresses(url, networks)
    except OutboundError as error:
        if error.reason is Reason.URL_REFUSED:
            errors.add(path, "pattern", "地址不合规范，应为 https://…", error.detail)
        elif error.reason is Reason.ADDRESS_REFUSED:
            errors.add(
                path,
                "out_of_range",
                "该地址不在本部门允许的网段内，请联系安全管理员登记",
                "lies outside the networks of the department: let security name them",
            )
    return errors

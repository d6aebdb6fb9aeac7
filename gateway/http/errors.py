"""Refusals of what is no request, before anybody is known (RFC 9112; `api.md` section 1)."""

from kernel.errors import BadRequest, Text


class MalformedRequest(BadRequest):
    """The connection ends with it: where the next request would begin is not known."""

    code = "malformed_request"
    title = Text("不是合法的 HTTP/1.1 请求", "This is not a request of HTTP/1.1")


class RequestTimeout(BadRequest):
    code = "request_timeout"
    title = Text("请求未在限时内传完", "The request did not arrive in time")
    retriable = True


class HeadTooLarge(BadRequest):
    code = "head_too_large"
    title = Text("请求行与请求头过大或过多", "Request line and headers are too large or too many")


class NotImplementedHere(BadRequest):
    code = "not_implemented"
    title = Text("不支持该方法或传输编码", "The method or transfer coding is not supported")


class VersionNotSupported(BadRequest):
    code = "http_version_not_supported"
    title = Text("只支持 HTTP/1.1 与 HTTP/1.0", "Only HTTP/1.1 and HTTP/1.0 are supported")

"""Pages of the open catalogue, without sign-in, in Chinese or English."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from catalog.open_data import OpenEntry
from gateway.open_catalogue.graph import Site
from gateway.open_catalogue.vocabulary import CLASSES
from gateway.problems import in_english
from kernel.errors import Text
from kernel.paging import Page
from kernel.workdays import local_date

TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
WORDS: Final[Mapping[str, Text]] = {
    "product": Text("数源 · 数据共享交换平台", "Shuyuan · data-sharing exchange"),
    "title": Text("开放目录", "Open catalogue"),
    "lead": Text(
        "各部门无条件向社会开放的数据，无须登录。",
        "Data that departments open to everybody without conditions. No sign-in is needed.",
    ),
    "empty": Text("目前没有开放的数据。", "Nothing is open at present."),
    "more": Text("下一页", "Next page"),
    "back": Text("返回开放目录", "Back to the open catalogue"),
    "department": Text("提供部门", "Department"),
    "region": Text("行政区划", "Division"),
    "class": Text("分类", "Class"),
    "cycle": Text("更新周期", "Update cycle"),
    "updated": Text("更新日期", "Updated on"),
    "licence": Text("使用许可", "Licence"),
    "items": Text("信息项", "Items"),
    "item": Text("名称", "Name"),
    "field": Text("字段", "Field"),
    "element": Text("数据元", "Element"),
    "type": Text("类型", "Type"),
    "formats": Text("供程序读取", "For programs"),
}
CYCLES: Final[Mapping[str, Text]] = {
    "realtime": Text("实时", "real time"),
    "daily": Text("每日", "daily"),
    "weekly": Text("每周", "weekly"),
    "monthly": Text("每月", "monthly"),
    "quarterly": Text("每季度", "quarterly"),
    "half_yearly": Text("每半年", "half-yearly"),
    "yearly": Text("每年", "yearly"),
    "irregular": Text("不定期", "irregular"),
    "never": Text("不更新", "never"),
    "other": Text("其他", "other"),
}


def entries(request: Request, site: Site, found: Page[OpenEntry]) -> HTMLResponse:
    following = None
    if found.next_cursor is not None:
        following = "?" + urlencode({**request.query_params, "cursor": found.next_cursor})
    shown = [_shown(request, entry) for entry in found.items]
    return _page(request, site, "entries.html", entries=shown, following=following)


def entry(request: Request, site: Site, shown: OpenEntry) -> HTMLResponse:
    return _page(request, site, "entry.html", entry=shown, facts=_shown(request, shown))


def _shown(request: Request, entry: OpenEntry) -> Mapping[str, str]:
    """Return what an entry says, in words."""
    english = _english(request)
    chinese_class, english_class = CLASSES[entry.class_code[0]]
    return {
        "id": entry.id,
        "name": entry.name,
        "abstract": entry.abstract,
        "department": entry.department_name,
        "region": entry.region_code,
        "class": f"{english_class if english else chinese_class} {entry.class_code}",
        "cycle": _say(CYCLES[entry.update_cycle], english=english),
        "updated": local_date(entry.published_at).isoformat(),
    }


def _page(request: Request, site: Site, name: str, **values: object) -> HTMLResponse:
    english = _english(request)
    nonce = secrets.token_urlsafe(16)
    words = {key: _say(text, english=english) for key, text in WORDS.items()}
    language = "en" if english else "zh-CN"
    values |= {"words": words, "nonce": nonce, "licence": site.licence, "language": language}
    html = TEMPLATES.get_template(name).render(values)
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "Content-Language": language,
        "Vary": "Accept, Accept-Language",
    }
    return HTMLResponse(html, headers=headers)


def _english(request: Request) -> bool:
    return in_english(request.headers.get("accept-language", ""))


def _say(text: Text, *, english: bool) -> str:
    return text.en if english else text.zh

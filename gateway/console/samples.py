"""Programs that read a subscription, filled in: they run as they stand, given the secret; pure."""

from dataclasses import dataclass
from typing import Final

CURL: Final = """\
# 1. 取得访问令牌（密钥见应用系统登记时所示） / get a token
TOKEN=$(curl -s -u '{client}:'"$SECRET" {base}/oauth/token \\
  -d grant_type=client_credentials -d scope=records:read \\
  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
# 2. 取一页数据；应答头 Exchange-Next-Cursor 是下一页的位点 / read a page
curl -s -D headers.txt -H "Authorization: Bearer $TOKEN" \\
  '{base}/v1/subscriptions/{subscription}/records?limit=500'
"""
PYTHON: Final = """\
# pip install httpx
import os

import httpx

BASE, CLIENT = "{base}", "{client}"
PATH = "/v1/subscriptions/{subscription}/records"

with httpx.Client(base_url=BASE, timeout=60) as http:
    form = {{"grant_type": "client_credentials", "scope": "records:read"}}
    answer = http.post("/oauth/token", data=form, auth=(CLIENT, os.environ["SECRET"]))
    token = answer.raise_for_status().json()["access_token"]
    headers = {{"Authorization": f"Bearer {{token}}"}}
    params = {{"limit": 500, "wait": 20}}
    while True:
        page = http.get(PATH, params=params, headers=headers).raise_for_status()
        for line in page.text.splitlines():
            print(line)
        # 处理完再保存位点 / keep the cursor when the page is dealt with
        params["cursor"] = page.headers["Exchange-Next-Cursor"]
"""


@dataclass(frozen=True, slots=True)
class Samples:
    curl: str
    python: str


def of(base_url: str, client_id: str, subscription_id: str) -> Samples:
    filled = {"base": base_url, "client": client_id, "subscription": subscription_id}
    return Samples(CURL.format_map(filled), PYTHON.format_map(filled))

"""Whole bodies as examples of the operations that most systems begin with, by operation id.

Each is valid by its own schema (`tests/docs/test_openapi_words.py`); ids and codes are made up.
"""

from typing import Any, Final

JSON: Final = "application/json"
RESOURCE: Final = "019dc1f2a4e47c5bb8d5f0c3a7e19b02"
CLIENT: Final = "019dc1f3b8a97d06a1c4e2f9d6b35a17"
REASONS: Final = {
    "basis": "《广西壮族自治区政务数据共享管理办法》",
    "scenario": "企业开办一件事",
    "scope": "自治区各级市场监督管理部门办理登记的窗口",
    "valid_until": "2027-12-31",
    "commitment": True,
}
REVIEW: Final = {"passed": True, "by": "黄某", "date": "2026-03-02"}
BODIES: Final[dict[str, Any]] = {
    "createResource": {
        "name": "企业登记基本信息",
        "abstract": "自治区范围内企业的登记信息，由登记机关产生",
        "class_code": "301",
        "region_code": "450000",
        "format": 2,
        "update_cycle": "daily",
        "share_type": "conditional",
        "share_conditions": "用于政务服务事项办理",
        "share_scope": ["自治区市场监督管理局", "自治区人力资源和社会保障厅"],
        "open_type": "closed",
        "grade": 2,
        "share_modes": ["pull", "query", "verify"],
        "items": [
            {
                "name": "uscc",
                "label": "统一社会信用代码",
                "element": "DE00001",
                "required": True,
                "key": True,
                "role": "source",
            },
            {
                "name": "phone",
                "label": "联系电话",
                "element": "DE00002",
                "required": False,
                "key": False,
                "role": "source",
                "mask": {"kind": "partial", "keep_start": 3, "keep_end": 4},
            },
        ],
        "reviews": {"secrecy": REVIEW, "privacy": REVIEW},
    },
    "createApplication": {
        "resource_id": RESOURCE,
        "client_id": CLIENT,
        "items": ["uscc", "phone"],
        "mode": "pull",
        **REASONS,
        "row_filter": [{"item": "uscc", "op": "prefix", "value": "9145"}],
        "records_per_day": 100_000,
    },
    "createBundle": {
        "title": "企业开办一件事所需数据",
        **REASONS,
        "lines": [
            {"resource_id": RESOURCE, "client_id": CLIENT, "items": ["uscc"], "mode": "verify"}
        ],
    },
    "queryRecords": {
        "where": [{"item": "uscc", "op": "eq", "value": "91450000MA5N00000X"}],
        "limit": 10,
    },
    "verifyRecord": {
        "key": "91450000MA5N00000X",
        "expect": {"phone": "07710000000"},
        "matter": "企业开办",
        "reference": "20260302-000123",
    },
    "createSubscriptionSnapshot": {"format": "parquet"},
    "setSubscriptionEndpoint": {
        "url": "https://receiver.example/records",
        "format": "webhook",
        "max_records": 500,
        "max_bytes": 1_048_576,
        "signature": "v1a",
    },
    "setResourceService": {
        "base_url": "https://service.example/api",
        "operations": [
            {"name": "find", "method": "GET", "path": "/enterprises", "query": ["uscc"],
             "response": "records"}
        ],
        "auth": {"kind": "bearer", "secret": "only-written-never-told"},
        "timeouts": {"connect": 2, "first_byte": 10, "idle": 30},
    },
    "createDemand": {
        "title": "不动产登记信息",
        "description": "办理住房公积金提取时核对房屋所有权",
        "items": ["不动产单元号", "权利人"],
        "basis": REASONS["basis"],
        "scenario": "公积金提取",
        "region_code": "450100",
    },
    "createSubscriptionCorrection": {
        "key": "91450000MA5N00000X",
        "problem": "wrong",
        "items": [{"item": "phone", "expected": "07710000001"}],
        "description": "企业来电说明登记的电话已停用",
    },
}  # fmt: skip


def show_body(operation: dict[str, Any]) -> None:
    """Put the example of its body beside the schema, where there is one."""
    body = BODIES.get(operation["operationId"])
    if body is not None:
        operation["requestBody"]["content"][JSON]["example"] = body

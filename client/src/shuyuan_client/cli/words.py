"""What people call the codes of the exchange: the words of its console (a test compares them)."""

from collections.abc import Mapping
from typing import Final

from shuyuan_client.wording import say

Words = Mapping[str, tuple[str, str]]

SHARE_TYPES: Final[Words] = {
    "unconditional": ("无条件共享", "Unconditional"),
    "conditional": ("有条件共享", "Conditional"),
    "none": ("不予共享", "Not shared"),
}
MODES: Final[Words] = {
    "pull": ("接口拉取", "Pull"),
    "push": ("主动推送", "Push"),
    "query": ("按键查询", "Query by key"),
    "verify": ("核验", "Verify"),
    "file": ("文件", "File"),
    "table": ("库表", "Table"),
    "api": ("服务接口", "Service"),
}
APPLICATIONS: Final[Words] = {
    "draft": ("起草中", "Draft"),
    "submitted": ("待答复", "Waits for an answer"),
    "supplement_requested": ("待补充材料", "Waits for a supplement"),
    "extension_requested": ("申请延期中", "More time asked for"),
    "agreed": ("已同意", "Agreed"),
    "refused": ("不予共享", "Not shared"),
    "rerouted": ("已转至数源部门", "Sent to the source"),
    "withdrawn": ("已撤回", "Withdrawn"),
}
THINGS: Final[Words] = {
    "bundle": ("批量申请", "Bundles"),
    "resource": ("目录条目", "Entry"),
    "application": ("共享申请", "Application"),
    "subscription": ("共享授权", "Subscription"),
    "source": ("数源认责", "Claim to be a source"),
    "dispute": ("争议", "Dispute"),
    "demand": ("数据需求", "Demand"),
    "correction": ("校核申请", "Correction"),
    "order": ("督办单", "Order"),
    "endpoint": ("推送端点", "Endpoint"),
    "department": ("部门", "Department"),
    "delegation": ("委托", "Delegation"),
}
TASKS: Final[Words] = {
    "application.agree": ("同意共享", "Agree to share"),
    "application.consent-extension": ("同意延期", "Consent to the extension"),
    "application.request-supplement": ("要求补充材料", "Ask for a supplement"),
    "application.sign": ("签批并提交", "Sign and submit"),
    "application.supplement": ("补充材料", "Supplement"),
    "correction.accept": ("受理校核", "Accept the correction"),
    "correction.confirm": ("确认更正", "Confirm the correction"),
    "correction.fix": ("更正数据", "Correct the record"),
    "delegation.consent": ("同意接受委托", "Agree to act for it"),
    "demand.accept": ("受理需求", "Accept the demand"),
    "demand.assign": ("派发需求", "Assign the demand"),
    "demand.meet": ("以资源满足需求", "Meet the demand by a resource"),
    "demand.submit": ("提出需求", "Submit the demand"),
    "dispute.appeal": ("提请人民政府决定", "Appeal to the government"),
    "dispute.close": ("了结", "Close"),
    "dispute.conclude": ("登记政府决定", "Record the government's decision"),
    "dispute.decide": ("裁决争议", "Decide the dispute"),
    "dispute.escalate": ("提请裁决", "Call the authority"),
    "dispute.open": ("提出争议", "Open a dispute"),
    "dispute.propose-settlement": ("提出和解方案", "Propose a settlement"),
    "dispute.reply": ("答复争议", "Answer the dispute"),
    "dispute.settle": ("和解", "Settle"),
    "order.answer": ("答复督办单", "Answer to the order"),
    "order.close": ("办结督办单", "Close the order"),
    "resource.approve": ("审核通过", "Approve"),
    "resource.change": ("按退回意见修改", "Change as asked for"),
    "resource.consent-change-notice": ("同意延长更新", "Extension of the update consented to"),
    "resource.publish": ("发布", "Publish"),
    "resource.regain-source": (
        "恢复数源或者改为引用",
        "Regain the source, or refer to the new one",
    ),
    "resource.review-yearly": ("年度复核", "Yearly review"),
    "resource.submit": ("签批并送审", "Sign and submit for review"),
    "resource.update": ("更新目录", "Update the entry"),
    "source.designate": ("确认为数源", "Designate"),
    "subscription.deliver": ("提供首批数据", "Provide the first records"),
    "subscription.disposal-confirm": ("确认数据处置", "Confirm the disposal"),
    "subscription.disposal-report": ("报告数据处置", "Report the disposal"),
    "subscription.record-use": ("登记使用情况", "Record the use"),
    "subscription.resume": ("恢复", "Resume"),
    "subscription.resume-endpoint": ("确认缺口并恢复推送", "Resume behind the gap"),
    "subscription.test-endpoint": ("测试推送端点", "Test of the endpoint"),
}

ACTIONS: Final[Words] = {
    "create": ("新建", "Create"),
    "sign": ("签批并提交", "Sign and submit"),
    "request-supplement": ("要求补充材料", "Ask for a supplement"),
    "supplement": ("补充材料", "Supplement"),
    "extend": ("申请延期", "Ask for more time"),
    "consent-extension": ("同意延期", "Consent to the extension"),
    "deny-extension": ("不同意延期", "Deny the extension"),
    "agree": ("同意共享", "Agree to share"),
    "refuse": ("不予共享", "Not shared"),
    "reroute": ("转至数源部门", "Send to the source"),
    "withdraw": ("撤回申请", "Withdraw the application"),
    "breach": ("逾期", "Overdue"),
}
ROLES: Final[Words] = {
    "clerk": ("经办人", "Clerk"),
    "head": ("工作机构负责人", "Head"),
    "authority": ("主管部门", "Authority"),
    "auditor": ("审计员", "Auditor"),
    "security": ("安全管理员", "Security officer"),
    "operator": ("系统管理员", "Operator"),
    "provider clerk": ("提供方经办人", "provider's clerk"),
    "provider head": ("提供方工作机构负责人", "provider's head"),
    "consumer clerk": ("需求方经办人", "consumer's clerk"),
    "consumer head": ("需求方工作机构负责人", "consumer's head"),
    "claimant head": ("提出方工作机构负责人", "claimant's head"),
    "respondent head": ("被提出方工作机构负责人", "respondent's head"),
}
CHECKS: Final[Words] = {
    "token": ("访问令牌", "Token"),
    "rate": ("请求频率", "Rate"),
    "scope": ("授权范围", "Scope"),
    "role": ("人员角色", "Role"),
    "department": ("所属部门", "Department"),
    "thing": ("对象是否可见", "Thing is visible"),
    "grant": ("共享授权", "Subscription"),
    "calendar": ("有效期", "Period"),
    "mode": ("共享方式", "Modes of sharing"),
    "quota": ("当日配额", "Quota of the day"),
    "request": ("请求格式", "Form of the request"),
    "state": ("当前状态", "State"),
    "contract": ("数据契约", "Contract"),
    "platform": ("平台服务", "Platform"),
}


def word(words: Words, code: str) -> str:
    """Return what people call a code, itself where nobody has given it a name."""
    return say(*words.get(code, (code, code)))

"""What a department settles for itself, by pages: notices, delegations, contractors, calendar."""

from kernel.clock import now
from kernel.workdays import local_date
from tests.support.browsing import browsing
from tests.support.world import World, unique


async def test_a_head_says_who_is_told_and_how(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, department.clerk) as clerk:
        page = await clerk.open("/console/notices")
        assert "还没有设置通知方式" in page.text
        assert not any(form.action == "/console/notices" for form in page.forms)
    async with browsing(world.base_url, department.head) as head:
        page = await head.open("/console/notices")
        wrong = await head.send(page, "/notices", email="no address")
        assert wrong.status == 422
        assert "不是电子邮箱地址" in wrong.text
        assert wrong.form("/notices").fields["email"] == ["no address"]
        page = await head.send(wrong, "/notices", email="a@example.org\nb@example.org")
        assert "b@example.org" in page.text
        page = await head.send(page, "/notices", email="c@example.org", digest="daily")
        assert "每日八时一次" in page.text, page.text
        assert "b@example.org" not in page.text


async def test_one_department_acts_for_another_within_what_was_delegated(world: World) -> None:
    owner, delegate = await world.department(), await world.department()
    provider = await world.department()
    name = unique("资源")
    resource = await world.resource(provider, name=name)
    client = await world.client(owner)
    today = local_date(now())
    async with browsing(world.base_url, owner.head) as head:
        page = await head.open("/console/delegations")
        # By name, as in every form that wants a credit code; never the own one.
        assert '<datalist id="to-offered"><option value=' in page.answer.text
        assert f'<option value="{owner.uscc}">' not in page.answer.text
        terms = {"to": delegate.uscc, "until": "2098-01-01"}
        assert (await head.send(page, "/delegations", **terms)).status == 422, "no powers"
        terms["until"] = str(today.replace(year=today.year + 1, day=1))
        page = await head.send(page, "/delegations", **terms, powers=["apply"])
        assert "待受托方同意" in page.text, page.text
    async with browsing(world.base_url, delegate.head) as head:
        page = await head.open("/console")
        # It may stand there twice: as a task, and as what is new since yesterday.
        (link,) = {each for each in page.links if each.startswith("/console/delegations/")}
        page = await head.send(await head.open(link), "/consent")
        assert "生效" in page.text
        end = page.path
    async with browsing(world.base_url, delegate.clerk) as clerk:
        page = await clerk.send(await clerk.open("/console/delegations"), "/act")
        assert "正在代" in page.text, page.text
        assert "/console/clients" not in page.links
        page = await clerk.open(f"/console/applications/new?resource={resource}")
        page = await clerk.send(
            page, "/applications/new", client_id=client.id, basis="依据", scenario="场景",
            scope="范围", valid_until="2098-12-31", commitment="yes",
        )  # fmt: skip
        assert "申请已保存" in page.text, page.text
        drafted = page.path
        refused = await clerk.open("/console/catalogue/new")
        assert not any(form.action == "/console/catalogue/new" for form in refused.forms)
        token = page.form("/leave").fields["token"][0]
        posted = await clerk.post("/console/catalogue/new", {"token": token, "go": "save"})
        assert posted.status == 403
        async with browsing(world.base_url, delegate.head) as head:
            page = await head.send(await head.open(end), "/end")
            assert "已终止" in page.text
        page = await clerk.open("/console")
        assert "委托已经终止" in page.text
        assert (await clerk.open(drafted)).status == 404
    async with browsing(world.base_url, owner.clerk) as clerk:
        assert (await clerk.open(drafted)).status == 200


async def test_a_contractor_is_approved_and_shown(world: World) -> None:
    sharing = await world.sharing()
    path = f"/console/clients/{sharing.subscriber.id}"
    async with browsing(world.base_url, sharing.consumer.head) as head:
        page = await head.open(path)
        contract = {"operator": "某信息公司", "operator_uscc": sharing.provider.uscc}
        page = await head.send(
            page, "/contractor", **contract, contract_until="2098-01-01", go="contractor"
        )
        assert "某信息公司" in page.text, page.text
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.open(f"/console/subscriptions/{sharing.subscription}")
        assert "某信息公司" in page.text
    async with browsing(world.base_url, sharing.consumer.head) as head:
        page = await head.send(await head.open(path), "/contractor", go="own")
        assert "本部门自行运维" in page.text


async def test_the_calendar_shows_working_days(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as clerk:
        page = await clerk.open("/console/calendar", year="2026")
        assert "10 月，" in page.text
        assert "1 休" in page.text
        assert (await clerk.open("/console/calendar", year="3000")).status == 404
        assert not any(form.action == "/console/calendar" for form in page.forms)
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open("/console/calendar", year="2093")
        wrong = await authority.send(page, "/calendar", days="2093-02-30 休", basis="通知")
        assert wrong.status == 422
        saved = await authority.send(page, "/calendar", days="2093-03-02 休", basis="通知")
        assert "日历已更正" in saved.text, saved.text


async def test_a_service_outside_the_networks_is_refused_in_the_form(world: World) -> None:
    provider = await world.department()
    resource = await world.resource(provider, share_modes=["api"])
    path = f"/console/resources/{resource}/service"
    async with browsing(world.base_url, provider.head) as head:
        assert path in (await head.open(f"/console/catalogue/{resource}")).links
        page = await head.open(path)
        assert "还没有挂接服务" in page.text
        names, paths = ["find", "", ""], ["/find", "", ""]
        page = await head.send(
            page, "/service", base_url="https://192.0.2.1/", operation_name=names,
            operation_path=paths, operation_method=["GET"] * 3, operation_query=["q r", "", ""],
            operation_response=["records"] * 3, auth_secret="secret-1",
        )  # fmt: skip
        assert page.status == 422
        assert "网段" in page.text, page.text
        assert page.form("/service").fields["operation_query"][0] == "q r"
        assert "secret-1" not in page.answer.text
    async with browsing(world.base_url, provider.clerk) as clerk:
        page = await clerk.open(path)
        assert not any(form.action.endswith("/service") for form in page.forms)


async def test_the_operator_limits_how_fast_a_system_may_ask(world: World) -> None:
    department = await world.department()
    client = await world.client(department)
    path = f"/console/clients/{client.id}"
    async with browsing(world.base_url, world.operator) as operator:
        page = await operator.open(path)
        wrong = await operator.send(page, "/limit", per_second="many")
        assert wrong.status == 422
        page = await operator.send(wrong, "/limit", per_second="2.5", burst="10")
        assert page.form("/limit").fields["burst"] == ["10"], page.text
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(path)
        assert not any(form.action.endswith("/limit") for form in page.forms)
        page = await head.send(page, "/change", name="新名称", scopes=["catalog:read"])
        assert "新名称" in page.text

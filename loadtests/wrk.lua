-- What wrk asks and how it judges the answers (loadtests/wrk.py writes the order; one thread only).
--
-- Tells the same marks on standard output as the other generators. After its window it asks for
-- nothing more and waits for the answers under way, so that every acknowledgement is known.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } moment;
  int clock_gettime(int clock, moment *now);
  int getpid(void);
  int kill(int process, int signal);
]]

local MONOTONIC, INTERRUPT = 1, 2
local COMPLAINTS_MAX = 5

local moment = ffi.new("moment")

local function now()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local function tell(mark, facts)
  io.write("@", mark, " ", facts or "{}", "\n")
  io.flush()
end

local function quoted(text)
  text = text:sub(1, 300):gsub("[%c\\\"\128-\255]", "?")
  return '"' .. text .. '"'
end

-- The threads' numbers are read by done(), which runs in a state of its own.
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

local order, work
local tried, begun, opened, closed
local asked, answered = 0, 0
local records, checked, failures, complaints = 0, 0, 0, {}
local window = { requests = 0, records = 0 }

local function failed(complaint)
  failures = failures + 1
  if #complaints < COMPLAINTS_MAX then
    complaints[#complaints + 1] = quoted(complaint)
  end
end

local function read_order(path)
  local found = {}
  for line in io.lines(path) do
    local name, value = line:match("^(%S+) (.*)$")
    found[name] = value
  end
  return found
end

-- Bodies lie in one file; its index holds "start size" lines, of pages "start size count target sent".
local function read_bodies(path)
  local file, found = assert(io.open(path, "rb")), {}
  for line in io.lines(path .. ".lines") do
    local start, size, count, target, sent = line:match("^(%d+) (%d+) ?(%d*) ?(%S*) ?(.*)$")
    file:seek("set", tonumber(start))
    local body = file:read(tonumber(size))
    found[#found + 1] = { count = tonumber(count), target = target, sent = sent, body = body }
  end
  file:close()
  return found
end

-- Publishing: bodies in turn into the resources in turn.
local function publishing()
  local made = { acknowledged = {} }
  local each = tonumber(order.records)
  local heads, tails = {}, {}
  for resource in order.resources:gmatch("%S+") do
    heads[#heads + 1] = "POST /v1/resources/" .. resource .. "/records HTTP/1.1\r\nHost: "
      .. order.host .. "\r\nAuthorization: Bearer " .. order.token
      .. "\r\nContent-Type: application/x-ndjson\r\n"
  end
  for _, page in ipairs(read_bodies(order.bodies)) do
    tails[#tails + 1] = "Content-Length: " .. #page.body .. "\r\n\r\n" .. page.body
  end

  function made.ask(turn)
    local head, tail = heads[turn % #heads + 1], tails[turn % #tails + 1]
    if order.keys then
      return head .. "Idempotency-Key: " .. order.keys .. "-" .. turn .. "\r\n" .. tail
    end
    return head .. tail
  end

  function made.answer(status, _, body)
    local resource = body:match('"resource_id"%s*:%s*"(.-)"')
    local accepted = tonumber(body:match('"accepted"%s*:%s*(%d+)'))
    if status ~= 201 or not resource then
      return nil, status .. ": " .. body:sub(1, 200)
    elseif accepted ~= each then
      return nil, tostring(accepted) .. " of " .. each .. " accepted"
    end
    local runs = made.acknowledged[resource] or {}
    made.acknowledged[resource] = runs
    local position = '"partition"%s*:%s*(%d+)%s*,%s*"first_offset"%s*:%s*(%d+)%s*,'
      .. '%s*"last_offset"%s*:%s*(%d+)'
    for partition, first, last in body:gmatch(position) do
      runs[#runs + 1] = "[" .. partition .. "," .. first .. "," .. last .. "]"
    end
    return accepted
  end

  function made.finish()
    local parts = {}
    for resource, runs in pairs(made.acknowledged) do
      parts[#parts + 1] = quoted(resource) .. ":[" .. table.concat(runs, ",") .. "]"
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  return made
end

-- Pulling: the pages of a book, the callers evenly spread over it. wrk does not say which request
-- an answer belongs to: each must be byte for byte a page, and each page must come as often as it
-- was asked for. What follows the ending is the moment of the answer.
local function pulling()
  local made, pages = {}, read_bodies(order.bodies)
  local callers, ending = tonumber(order.callers), order.ending ~= "-" and order.ending
  local due, requests = {}, {}
  for place, page in ipairs(pages) do
    due[page.body] = due[page.body] or { 0, page.count } -- several pages may hold the same
    local head = " " .. page.target .. " HTTP/1.1\r\nHost: " .. order.host
      .. "\r\nAuthorization: Bearer " .. order.token .. "\r\n"
    if page.sent == "" then
      requests[place] = "GET" .. head .. "\r\n"
    else
      requests[place] = "POST" .. head .. "Content-Type: application/json\r\nContent-Length: "
        .. #page.sent .. "\r\n\r\n" .. page.sent
    end
  end

  function made.ask(turn)
    local caller, round = turn % callers, math.floor(turn / callers)
    local place = (math.floor(#pages * caller / callers) + round) % #pages + 1
    local page = due[pages[place].body]
    page[1] = page[1] + 1
    return requests[place]
  end

  function made.answer(status, _, body)
    if status ~= 200 then
      return nil, status .. ": " .. body:sub(1, 200)
    end
    local last = ending and body:find(ending, 1, true)
    local page = due[last and body:sub(1, last - 1) or body]
    if not page then
      return nil, "a page is not the page of the log: " .. body:sub(1, 100)
    end
    page[1] = page[1] - 1
    checked = checked + page[2]
    return page[2]
  end

  function made.finish()
    for body, page in pairs(due) do
      if page[1] ~= 0 and failures == 0 then
        failed("a page did not come as often as it was asked for: " .. body:sub(1, 100))
      end
    end
    return "{}"
  end

  return made
end

function init(args)
  order = read_order(args[1])
  work = order.resources and publishing() or pulling()
end

function request()
  if not tried then
    tried = true
    return "GET / HTTP/1.1\r\n\r\n" -- wrk only looks whether this is one, and does not send it
  end
  if closed then
    return "" -- wrk sends nothing and waits
  end
  begun = begun or now()
  asked = asked + 1
  return work.ask(asked - 1)
end

local function close(at)
  closed = at
  tell("end", string.format(
    '{"seconds":%.6f,"requests":%d,"records":%d,"p50_ms":0,"p99_ms":0}',
    at - opened, window.requests, window.records
  ))
end

local function finish()
  local acknowledged = work.finish()
  tell("done", string.format(
    '{"records":%d,"checked":%d,"failures":%d,"refused":0,"complaints":[%s],'
      .. '"acknowledged":%s,"facts":{}}',
    records, checked, failures, table.concat(complaints, ","), acknowledged
  ))
  -- wrk sleeps until its time is over, or somebody interrupts it.
  ffi.C.kill(ffi.C.getpid(), INTERRUPT)
end

function response(status, headers, body)
  local at = now()
  answered = answered + 1
  local count, complaint = work.answer(status, headers, body)
  if count then
    records = records + count
    if opened and not closed then
      window.requests = window.requests + 1
      window.records = window.records + count
    end
  else
    failed(complaint)
  end
  if not opened and at >= begun + order.warm_up then
    opened = at
    tell("begin")
  elseif opened and not closed and at >= opened + order.seconds then
    close(at)
  end
  if closed and answered == asked then
    finish()
  end
end

function done(summary, latency)
  local lost = summary.errors.connect + summary.errors.read + summary.errors.write
  if lost > 0 then
    io.stderr:write("wrk lost ", lost, " connections\n")
  end
  tell("latency", string.format(
    '{"p50_ms":%.3f,"p99_ms":%.3f}', latency:percentile(50) / 1000, latency:percentile(99) / 1000
  ))
end

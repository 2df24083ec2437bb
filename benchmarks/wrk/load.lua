-- Makes the requests of one endpoint: ENDPOINT is list, detail or progress; SIDE is 2 for Lyceum's
-- tokens and 3 for the peers'. Ids follow the pattern of dataset.py.
local people = dofile(os.getenv("BENCH_FOLDER") .. "/tokens.lua")
local endpoint = os.getenv("BENCH_ENDPOINT")
local side = tonumber(os.getenv("BENCH_SIDE"))
local courses = tonumber(os.getenv("BENCH_COURSES"))
local failures = 0

local function id(kind, number)
  return string.format("00000000-0000-700%d-8000-%012x", kind, number)
end

function init()
  math.randomseed(tonumber(os.getenv("BENCH_SEED")))
end

local function headers(person)
  return { ["Authorization"] = "Bearer " .. person[side], ["Content-Type"] = "application/json" }
end

function request()
  if endpoint == "list" then
    return wrk.format("GET", "/api/v1/courses?page=" .. math.random(1, courses / 20) .. "&perPage=20")
  end
  local person = people[math.random(#people)]
  local course = (person[1] * 7 + math.random(0, 2) * 613) % courses
  if endpoint == "detail" then
    return wrk.format("GET", "/api/v1/courses/" .. id(1, course), headers(person))
  end
  local body = string.format(
    '{"lectureId":"%s","completed":%s,"timeSpentSeconds":30,"positionSeconds":%d}',
    id(3, course * 20 + math.random(0, 19)), math.random(2) == 1 and "true" or "false",
    math.random(0, 300))
  return wrk.format("PUT", "/api/v1/courses/" .. id(1, course) .. "/progress", headers(person), body)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "bad": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end

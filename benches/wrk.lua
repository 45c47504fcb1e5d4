-- Sends the requests of a file, each once: args are the file and the length that all of them have.
-- Prints one line of JSON at the end.
local file, length

function init(args)
  file = assert(io.open(args[1], "rb"))
  length = tonumber(args[2])
end

function request()
  local next_one = file:read(length)
  assert(next_one and #next_one == length, "the file has too few requests for this run")
  return next_one
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"micros":%d,"bytes":%d,"bad":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end

-- One send per request: a guest out of GUESTS, a fresh Idempotency-Key, a body of about 970 bytes.
local text = string.rep("See you on Friday at the gate. ", 26)
local count, thread = 0, 0

function setup(t)
   t:set("number", thread)
   thread = thread + 1
end

function init(args)
   math.randomseed(os.time() + number * 7919)
   guests = tonumber(os.getenv("GUESTS") or "10000")
   run = os.getenv("RUN") or "r"
   key = os.getenv("KEY") or ""
   extra = os.getenv("EXTRA") or ""
   template = os.getenv("TEMPLATE") or ""
end

function request()
   count = count + 1
   if template ~= "" then return printed() end
   local body = string.format('{"channel":"email","to":"guest%d@example.org","class":"transactional",' ..
      '"category":"booking","subject":"Your stay","text":"%s","reference":"b%d"%s,' ..
      '"declares":{"contains_promotion":false}}', math.random(guests), text, count, extra)
   return post("send", body)
end

function printed()
   return post("template", string.format('{"template":"%s","to":"guest%d@example.org","class":"transactional",' ..
      '"category":"booking","variables":{"name":"Ana %d","code":"b%d"}%s}', template, math.random(guests), count,
      count, extra))
end

function post(door, body)
   return wrk.format("POST", "/communications/messages/" .. door, {
      ["Content-Type"] = "application/json",
      ["Authorization"] = "Bearer " .. key,
      ["Idempotency-Key"] = string.format("%s-%d-%d", run, number, count),
   }, body)
end

local odd = 0
function response(status)
   if status ~= 202 then odd = odd + 1 end
end

function done(summary, latency, requests)
   io.write(string.format('\nRESULT {"requests": %d, "seconds": %.3f, "p50_ms": %.2f, "p99_ms": %.2f, "max_ms": %.2f, ' ..
      '"not_202": %d}\n', summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, latency.max / 1000, summary.errors.status))
end

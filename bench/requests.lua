-- What wrk asks, by KIND: `send` and `template` queue a message, to a guest out of GUESTS, with a fresh Idempotency-Key
-- (a body of about 970 bytes, or words printed from the template `note`); `check` asks whether such a message may go;
-- `status` looks at one of MESSAGES, a file of ids.
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
   ask = kinds[os.getenv("KIND") or "send"]
   messages = {}
   local file = os.getenv("MESSAGES") or ""
   if file ~= "" then
      for id in io.lines(file) do messages[#messages + 1] = id end
   end
end

function request()
   count = count + 1
   return ask()
end

function order()
   return string.format('{"channel":"email","to":"guest%d@example.org","class":"transactional",' ..
      '"category":"booking","subject":"Your stay","text":"%s","reference":"b%d"%s,' ..
      '"declares":{"contains_promotion":false}}', math.random(guests), text, count, extra)
end

kinds = {}

function kinds.send()
   return queue("send", order())
end

function kinds.template()
   return queue("template", string.format('{"template":"note","to":"guest%d@example.org","class":"transactional",' ..
      '"category":"booking","variables":{"name":"Ana %d","code":"b%d"}%s}', math.random(guests), count, count, extra))
end

function kinds.check()
   return wrk.format("POST", "/communications/compliance/check", headers(), '{"message":' .. order() .. '}')
end

function kinds.status()
   return wrk.format("GET", "/communications/messages/" .. messages[math.random(#messages)],
      {["Authorization"] = "Bearer " .. key})
end

function queue(door, body)
   local own = headers()
   own["Idempotency-Key"] = string.format("%s-%d-%d", run, number, count)
   return wrk.format("POST", "/communications/messages/" .. door, own, body)
end

function headers()
   return {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key}
end

function done(summary, latency, requests)
   io.write(string.format('\nRESULT {"requests": %d, "seconds": %.3f, "p50_ms": %.2f, "p99_ms": %.2f, "max_ms": %.2f, ' ..
      '"refused": %d}\n', summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, latency.max / 1000, summary.errors.status))
end

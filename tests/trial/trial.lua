-- trial.lua - the load of the trials: what wrk sends, what counts as failed, and the figures as one line of JSON.
--
--   wrk … -s trial.lua http://127.0.0.1:PORT/PATH -- get          one GET, as fast as wrk can; failed is a status above 399
--   wrk … -s trial.lua http://127.0.0.1:PORT/PATH -- checked KIND…  KIND: one of make's, in turn; each answer is looked at

local threads = {}
local kinds = {}
local sent = 0
local MANY = 100 -- routes of manyroutes.c

not_2xx = 0
wrong = 0
example = ""

-- What a right answer to any of the kinds looks like; wrk does not say which request an answer belongs to.
local function is_right(body)
   local n, again = body:match('^{"n":(%d+),"pad":"x*","again":(%d+)}$')
   if n then return n == again end
   n, again = body:match('^{"id":(%d+),"name":"User (%d+)","email":"user%d+@example.org"}$')
   if n then return n == again end
   return body:match('^{"status":"healthy",.*}$') or body == '{"ms":5,"how":"sleep"}' or body == '{"many":true}' or body:match('^{"method":"GET","path":"/facts",.*}$')
end

-- Every route by every kind: the route changes when each kind has had its turn.
local function one_of_many()
   return "/many/" .. math.floor(sent / #kinds) % MANY
end

local make = {
   health = function() return wrk.format("GET", "/health") end,
   facts = function() return wrk.format("GET", "/facts") end,
   nap = function() return wrk.format("GET", "/slow?ms=5&how=sleep") end,
   users = function() return wrk.format("GET", "/live/users/" .. (1 + sent % 1000)) end,
   many = function() return wrk.format("GET", one_of_many()) end,
   many_posted = function() return wrk.format("POST", one_of_many(), nil, "x") end,
   many_missing = function() return wrk.format("GET", one_of_many() .. "?status=404") end,
   many_failed = function() return wrk.format("GET", one_of_many() .. "?status=503") end,
   sealed = function() return wrk.format("GET", "/sealed/" .. (sent * 7919 % 3000)) end,
   echo = function()
      local body = string.format('{"n":%d,"pad":"%s","again":%d}', sent, string.rep("x", sent % 3000), sent)
      return wrk.format("POST", "/echo", {["Content-Type"] = "application/json"}, body)
   end,
}

local function next_request()
   sent = sent + 1
   return make[kinds[1 + sent % #kinds]]()
end

local function look_at(status, _, body)
   if status < 200 or status > 299 then
      not_2xx = not_2xx + 1
      if example == "" then example = status .. " " .. body:sub(1, 200) end
   elseif not is_right(body) then
      wrong = wrong + 1
      if example == "" then example = "wrong: " .. body:sub(1, 200) end
   end
end

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   if args[1] ~= "checked" then return end
   for i = 2, #args do kinds[#kinds + 1] = args[i] end
   request, response = next_request, look_at
end

function done(summary, latency, _)
   local refused, odd, text = 0, 0, ""
   for _, thread in ipairs(threads) do
      refused, odd = refused + thread:get("not_2xx"), odd + thread:get("wrong")
      if text == "" then text = thread:get("example") end
   end
   local errors = summary.errors
   io.write(string.format('TRIAL {"requests":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d,', summary.requests,
      summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
   io.write(string.format('"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d,"not_2xx":%d,"wrong":%d,', errors.connect,
      errors.read, errors.write, errors.timeout, errors.status, refused, odd))
   io.write(string.format('"example":"%s"}\n', (text:gsub('[%c"\\\128-\255]', "'"))))
end

-- Brings the fair order of a model up to date: see turns.ts.
--
-- KEYS   1: turns, 2: waiting, 3: BullMQ's prioritized jobs
-- ARGV   1: bits that turns have; 2: records, before their ids; 3: lead of low jobs; 4: how often turns had been
--        halved when this process last heard, 5: the turn that was served then; then for each flow: name, where it
--        stood, by how much it went on since
-- Returns: how often turns were halved, the turn that is served now, and where each flow stands now.
local turns = redis.call('HMGET', KEYS[1], 'halved', 'now')
local halved, now = tonumber(turns[1] or 0), tonumber(turns[2] or 2)
local head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local reached = tonumber(head[2] or 0)
if head[1] then
  -- A low job that is the next one waits for quiet times: others still come before it.
  local known, spec = pcall(cjson.decode, redis.call('HGET', ARGV[2] .. head[1], 'spec') or '{}')
  if known and spec.priority == 'low' then
    reached = reached - ARGV[3]
  end
end
now = math.max(now, reached)
-- Redis has lost where all stood: who stood far on would wait for all others.
local isBack = halved < tonumber(ARGV[4]) or halved == tonumber(ARGV[4]) and now + 1 < tonumber(ARGV[5])
local answer = { halved, now }
local fields = { 'now', now }
for i = 6, #ARGV, 3 do
  local flow = 'flow:' .. ARGV[i]
  local stood = isBack and now or ARGV[i + 1]
  local stands = math.max(redis.call('HGET', KEYS[1], flow) or 0, stood) + ARGV[i + 2]
  fields[#fields + 1], fields[#fields + 2] = flow, stands
  answer[#answer + 1] = tostring(stands)
end
redis.call('HSET', KEYS[1], unpack(fields))
if now > 2 ^ (ARGV[1] - 1) then
  -- Only their order counts: BullMQ's numbers end, this does not.
  for _, key in ipairs({ KEYS[2], KEYS[3] }) do
    redis.call('ZUNIONSTORE', key, 1, key, 'WEIGHTS', 0.5)
  end
  local all = redis.call('HGETALL', KEYS[1])
  for i = 2, #all, 2 do
    all[i] = all[i] / 2
  end
  redis.call('HSET', KEYS[1], unpack(all))
  redis.call('HSET', KEYS[1], 'halved', halved + 1)
  answer[1], answer[2] = halved + 1, now / 2
  for i = 3, #answer do
    answer[i] = tostring(answer[i] / 2)
  end
end
answer[2] = tostring(answer[2])
return answer

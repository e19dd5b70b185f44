-- Keeps results, and lets those go that would go first where there are too many.
--
-- KEYS   1: the index: names by when each is over; then for each result: the result, the claim to it
-- ARGV   1: now, ms; 2: what precedes the names; then for each result: name, result, how long it is kept (ms), most
--        results
local most
for i = 2, #KEYS, 2 do
  local at = 2 * i - 1
  redis.call('SET', KEYS[i], ARGV[at + 1], 'PX', ARGV[at + 2])
  redis.call('UNLINK', KEYS[i + 1])
  redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[at + 2], ARGV[at])
  most = tonumber(ARGV[at + 3])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - most
if over > 0 then
  local out = redis.call('ZPOPMIN', KEYS[1], over)
  for i = 1, #out, 2 do
    redis.call('UNLINK', ARGV[2] .. out[i])
  end
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then
  redis.call('PEXPIRE', KEYS[1], math.ceil(last[2] - ARGV[1]))
end

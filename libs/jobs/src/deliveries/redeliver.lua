-- Puts deliveries of a job out for the couriers once more.
--
-- KEYS   1: record, 2: its deliveries, 3: outbox, 4: expiries
-- ARGV   1: now, ms; 2: couriers' channel; 3: 1 where only those that have failed are meant; then sequences
-- Returns how many.
local callback = redis.call('HGET', KEYS[1], 'callback')
local queued = 0
for i = 4, #ARGV do
  local sequence, state = ARGV[i], ARGV[i] .. ':state'
  local known = callback and redis.call('HEXISTS', KEYS[2], sequence) == 1
  local before = known and cjson.decode(redis.call('HGET', KEYS[2], state) or '{"status":"pending","attempts":0}')
  if known and (before.status == 'failed' or ARGV[3] ~= '1') then
    redis.call('HSET', KEYS[2], state,
      '{"status":"pending","attempts":' .. before.attempts .. ',"tried":0,"asked":' .. (before.asked or 0) + 1 .. '}')
    if before.status ~= 'pending' then
      redis.call('HINCRBY', KEYS[2], 'open', 1)
    end
    redis.call('ZADD', KEYS[3], ARGV[1],
      string.match(callback, '%S+') .. ' ' .. idOf(KEYS[1]) .. string.format(' %06d', sequence))
    queued = queued + 1
  end
end
if queued > 0 then
  redis.call('ZADD', KEYS[4], 'XX', 'GT', string.format('%.0f', ARGV[1] + CALLBACK_KEEP_MS), idOf(KEYS[1]))
  redis.call('PUBLISH', ARGV[2], KEYS[3])
end
return queued

-- Whoever comes first with an idempotency key has it; later ones hear what it holds.
-- (SET with both NX and GET would do, but only from Redis 7.0 on.)
--
-- KEYS   1: the key
-- ARGV   1: what is claimed with it, 2: how long it holds, ms
-- Returns what the key holds.
local held = redis.call('GET', KEYS[1])
if held then
  return held
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]

-- Gives an owner a new webhook secret; the one before is remembered beside it.
--
-- KEYS   1: hash of the secrets, by owner
-- ARGV   1: owner, 2: the new secret, 3: now, ms
-- Returns what the hash holds for the owner (JSON).
local held = redis.call('HGET', KEYS[1], ARGV[1])
local fresh = { secret = ARGV[2] }
if held then
  fresh.previous = cjson.decode(held).secret
  fresh.rotatedAt = tonumber(ARGV[3])
end
local text = cjson.encode(fresh)
redis.call('HSET', KEYS[1], ARGV[1], text)
return text

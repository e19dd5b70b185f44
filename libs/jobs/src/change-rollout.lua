-- Changes a model's rollout, unless somebody has changed it before.
--
-- KEYS   1: rollouts, 2: log of this model's
-- ARGV   1: model, 2: revision that it must have had, or '' for whatever it has, 3: change (JSON, without its
--        revision), 4: changes to keep, 5: channel
-- Returns the new revision; 0 where the rollout has another revision than it must have had.
local held = redis.call('HGET', KEYS[1], ARGV[1])
local revision = held and cjson.decode(held).revision or 0
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= revision then
  return 0
end
revision = revision + 1
-- Its first field, as cjson would write the rest otherwise than it was.
local change = '{"revision":' .. revision .. ',' .. string.sub(ARGV[3], 2)
redis.call('HSET', KEYS[1], ARGV[1], change)
redis.call('LPUSH', KEYS[2], change)
redis.call('LTRIM', KEYS[2], 0, ARGV[4] - 1)
redis.call('PUBLISH', ARGV[5], ARGV[1])
return revision

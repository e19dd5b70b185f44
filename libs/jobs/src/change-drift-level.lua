-- Changes the drift level of a version, unless another process has done so before.
--
-- KEYS   1: what is known of the version's drift
-- ARGV   1: level that it must have had, 2: level that it gets
-- Returns 1, or 0 where it has another level than it must have had.
if (redis.call('HGET', KEYS[1], 'level') or 'ok') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'level', ARGV[2])
return 1

-- Notes that a receiver has taken nothing, and disables it where that has gone on for too long.
--
-- KEYS   1: receiver, 2: receivers of its owner
-- ARGV   1: id; 2: now, ms; 3: outcome; 4: HTTP status or ''; 5: how long it may fail, ms;
--        6: how long it is remembered, ms; 7: URL
-- Returns 1 where this has disabled it.
local since = redis.call('HGET', KEYS[1], 'failing_since') or ARGV[2]
redis.call('HSET', KEYS[1], 'url', ARGV[7], 'failing_since', since, 'last_failure_at', ARGV[2],
  'last_outcome', ARGV[3], 'last_status', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2] - ARGV[6])
local because = ARGV[3] == 'gone' and 'gone' or ARGV[2] - since >= tonumber(ARGV[5]) and 'failing'
if not because or redis.call('HEXISTS', KEYS[1], 'disabled_at') == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'disabled_at', ARGV[2], 'disabled_because', because)
return 1

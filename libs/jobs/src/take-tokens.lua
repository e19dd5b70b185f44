-- Takes tokens out of a bucket, as many as are wanted or as there are. Of a bucket it is only known when it
-- is full again (the generic cell rate algorithm of ATM): one that is gone is full.
--
-- KEYS   1: the bucket
-- ARGV   1: tokens wanted; 2: tokens of a full bucket; 3: after how long one comes back, µs
-- Returns: tokens taken; how long until the bucket is full, µs
local wanted, size, each = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = tonumber(redis.call('GET', KEYS[1]) or now)
-- Redis may have moved to another clock, the setting to another limit.
full = math.min(math.max(full, now), now + size * each)
local left = size - math.ceil((full - now) / each)
local taken = math.min(wanted, left)
if taken > 0 then
  full = full + taken * each
  -- Nothing is lost with it: it is not worth a line of the append-only file, and an answer that waits for that.
  redis.set_repl(redis.REPL_NONE)
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
end
return { taken, full - now }

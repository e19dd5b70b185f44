-- Records a worker's report and forgets workers that have been silent for too long.
--
-- KEYS   1: sorted set of workers, 2: this worker's report, 3: last catalog
-- ARGV   1: worker id, 2: report (JSON), 3: lifetime of a report in ms, 4: models (JSON)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[3], ARGV[4])
return now

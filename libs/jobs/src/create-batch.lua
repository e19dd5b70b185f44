-- Writes the records of jobs that are being accepted: all, or none where Redis is full.
--
-- KEYS   records
-- ARGV   for each record: spec (JSON), input
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'status', 'queued', 'spec', ARGV[2 * i - 1], 'input', ARGV[2 * i])
end

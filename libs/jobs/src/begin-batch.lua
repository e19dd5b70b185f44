-- Starts an attempt of each job of a batch.
--
-- KEYS   records
-- ARGV   1: now, ms
-- Returns, for each record: {fence, input} where the job may run; else its status ('' = no record).
-- The fence grows with every start; only who holds the newest one may publish.
local answers = {}
for i, key in ipairs(KEYS) do
  local record = redis.call('HMGET', key, 'status', 'input')
  local status = record[1]
  if status == 'queued' or status == 'running' then
    local fence = redis.call('HINCRBY', key, 'fence', 1)
    redis.call('HSET', key, 'status', 'running', 'attempts', 1)
    redis.call('HSETNX', key, 'started_at', ARGV[1])
    answers[i] = { fence, record[2] }
  else
    answers[i] = status or ''
  end
end
return answers

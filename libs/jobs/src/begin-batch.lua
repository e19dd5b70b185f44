-- Starts an attempt of each job of a batch.
--
-- KEYS   records
-- ARGV   1: now, ms; 2: 1 where the batch is a job alone, as it was there when a process died
-- Returns, for each record: {fence, input, lone starts so far} where the job may run; else its status
-- ('' = no record).
-- The fence grows with every start; only who holds the newest one may publish.
local answers = {}
for i, key in ipairs(KEYS) do
  local record = redis.call('HMGET', key, 'status', 'input')
  local status = record[1]
  if status == 'queued' or status == 'running' then
    local fence = redis.call('HINCRBY', key, 'fence', 1)
    redis.call('HSET', key, 'status', 'running', 'attempts', 1)
    redis.call('HSETNX', key, 'started_at', ARGV[1])
    local lone = redis.call('HINCRBY', key, 'lone_starts', ARGV[2])
    answers[i] = { fence, record[2], lone }
  else
    answers[i] = status or ''
  end
end
return answers

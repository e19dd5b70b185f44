-- Starts an attempt of each job of a batch.
--
-- KEYS   records
-- ARGV   1: now, ms; 2: 1 where the batch is a job alone, as it was there when a process died;
--        3: 1 where the inputs are wanted
-- Returns, for each record: {fence, lone starts so far, input if wanted} where the job may run; else its
-- status ('' = no record).
-- The fence grows with every start; only who holds the newest one may publish.
local fields = { 'status', 'fence', 'lone_starts', 'started_at' }
if ARGV[3] == '1' then
  fields[5] = 'input'
end
local answers = {}
for i, key in ipairs(KEYS) do
  local held = redis.call('HMGET', key, unpack(fields))
  local status = held[1]
  if status == 'queued' or status == 'running' then
    local fence = (held[2] or 0) + 1
    local lone = (held[3] or 0) + ARGV[2]
    -- One write: each is a line of the append-only file.
    redis.call('HSET', key, 'status', 'running', 'attempts', 1, 'fence', fence, 'lone_starts', lone,
      'started_at', held[4] or ARGV[1])
    answers[i] = { fence, lone, held[5] }
  else
    answers[i] = status or ''
  end
end
return answers

-- Which jobs are open, of some that are in the sets of those; the others leave these.
--
-- KEYS   1: waiting, 2: start deadlines, 3: running, then the records
-- Returns, for each record: {spec (JSON), attempts that have ended, latest start (ms) or ''} where the job is
-- queued or runs; else ''.
local answers = {}
for i = 4, #KEYS do
  local key = KEYS[i]
  local id = idOf(key)
  local held = redis.call('HMGET', key, 'status', 'spec', 'tries')
  local status = held[2] and held[1]
  answers[i - 3] = ''
  if status == 'queued' or status == 'running' then
    answers[i - 3] = { held[2], held[3] or 0, redis.call('ZSCORE', KEYS[2], id) or '' }
  end
  if status ~= 'queued' then
    remove(KEYS[1], id)
    remove(KEYS[2], id)
  end
  if status ~= 'running' then
    remove(KEYS[3], id)
  end
end
makeMoves()
return answers

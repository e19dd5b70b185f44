-- Starts an attempt of each job of a batch.
--
-- KEYS   1: waiting, 2: start deadlines, 3: expiries, 4: outbox, then the records
-- ARGV   1: now, ms; 2: lists; 3: channel; 4: couriers' channel; 5: 1 where the batch is a job alone, as it
--        was there when a process died; 6: 1 where the inputs are wanted
-- Returns, for each record: {fence, lone starts so far, earlier attempts, input if wanted} where the job may run;
-- else its status ('' = no record).
-- The fence grows with every start; only who holds the newest one may publish.
local fields = { 'status', 'fence', 'lone_starts', 'started_at', 'owner', 'done', 'callback', 'tries' }
if ARGV[6] == '1' then
  fields[9] = 'input'
end
local answers, begun = {}, {}
for i = 5, #KEYS do
  local key = KEYS[i]
  local held = redis.call('HMGET', key, unpack(fields))
  local status = held[1]
  if status == 'queued' or status == 'running' then
    local fence = (held[2] or 0) + 1
    local lone = (held[3] or 0) + ARGV[5]
    -- One write: each is a line of the append-only file.
    redis.call('HSET', key, 'status', 'running', 'fence', fence, 'lone_starts', lone,
      'started_at', held[4] or ARGV[1])
    if held[6] then
      -- What an earlier process had computed of it is computed again.
      redis.call('HDEL', key, 'done', 'told')
      redis.call('UNLINK', partsOf(key))
    end
    if status == 'queued' then
      local id = idOf(key)
      changeStatus(ARGV[2], id, held[5], 'queued', 'running')
      remove(KEYS[1], id)
      remove(KEYS[2], id)
      owe(KEYS[4], key, held[7], 'started', ARGV[1])
      begun[#begun + 1] = id
    end
    answers[i - 4] = { fence, lone, tonumber(held[8] or 0), held[9] }
  else
    answers[i - 4] = status or ''
  end
end
makeMoves()
tell(ARGV[3], begun)
wakeCouriers(ARGV[4], KEYS[4])
return answers

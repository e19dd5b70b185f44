-- Buries jobs that need be kept no longer: record, parts, deliveries and places in the lists go; a tombstone stays.
--
-- KEYS   1: expiries, then the records
-- ARGV   1: now, ms; 2: lists; 3: labels; 4: how long a tombstone stays, ms; then for each record: digests
--        of its metadata pairs (separated by spaces), how long its result is kept (ms)
-- Returns, for each record: 1, or 0 where somebody else has buried it or put it back into the queue.
local answers = {}
for i = 2, #KEYS do
  local key, at = KEYS[i], 2 * (i - 2) + 5
  local id = idOf(key)
  local due = redis.call('ZSCORE', KEYS[1], id)
  if due and tonumber(due) <= tonumber(ARGV[1]) then
    local held = redis.call('HMGET', key, 'status', 'owner', 'ended_at')
    local status, owner = held[1], held[2] or ''
    remove(KEYS[1], id)
    if status then
      remove(ARGV[2] .. status .. ':' .. owner, id)
      for digest in string.gmatch(ARGV[at], '%S+') do
        remove(ARGV[3] .. owner .. ':' .. digest, id)
      end
      redis.call('SET', string.sub(key, 1, -36) .. ':tombstone:' .. id,
        cjson.encode({ owner = owner, status = status, goneAt = held[3] + ARGV[at + 1] }), 'PX', ARGV[4])
      redis.call('UNLINK', key, partsOf(key), deliveriesOf(key))
    end
    answers[i - 1] = 1
  else
    answers[i - 1] = 0
  end
end
makeMoves()
return answers

-- Puts jobs whose attempt has come to nothing back among the queued, as the next attempt.
--
-- KEYS   1: waiting, 2: start deadlines, 3: expiries, 4: outbox, then the records
-- ARGV   1: now, ms; 2: lists; 3: channel; 4: couriers' channel; then for each record: the status it must
--        have, the fence it must have or '', how often it must have been tried before or '', its error (JSON),
--        turn, latest start (ms or '')
-- Returns, for each record: 1, or 0 where it is otherwise than it must be.
local answers, queued = {}, {}
for i = 5, #KEYS do
  local key, at = KEYS[i], 6 * (i - 5) + 5
  local status, fence, tries = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local held = redis.call('HMGET', key, 'status', 'fence', 'owner', 'done', 'tries', 'history',
    'started_at', 'ended_at', 'end')
  if held[1] == status and (fence == '' or held[2] == fence) and (tries == '' or (held[5] or '0') == tries) then
    local id = idOf(key)
    local attempt = '{"status":"' .. (fence == '' and status or 'failed') .. '","error":' .. ARGV[at + 3]
      .. ',"startedAt":' .. (held[7] or 'null') .. ',"endedAt":' .. (held[8] or ARGV[1])
      .. ',"end":' .. (held[9] or 'null') .. '}'
    redis.call('HSET', key, 'status', 'queued', 'tries', (held[5] or 0) + 1,
      'history', held[6] and held[6] .. ',' .. attempt or attempt)
    redis.call('HDEL', key, 'started_at', 'ended_at', 'end', 'outputs', 'done', 'told', 'lone_starts')
    if held[4] then
      redis.call('UNLINK', partsOf(key))
    end
    changeStatus(ARGV[2], id, held[3], status, 'queued')
    add(KEYS[1], ARGV[at + 4], id)
    if ARGV[at + 5] ~= '' then
      add(KEYS[2], ARGV[at + 5], id)
    end
    remove(KEYS[3], id)
    queued[#queued + 1] = id
    answers[i - 4] = 1
  else
    answers[i - 4] = 0
  end
end
makeMoves()
tell(ARGV[3], queued)
return answers

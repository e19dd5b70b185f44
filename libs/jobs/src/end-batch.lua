-- Ends jobs without a result of theirs: canceled, or expired.
--
-- KEYS   1: waiting, 2: start deadlines, 3: expiries, then the records
-- ARGV   1: now, ms; 2: lists; 3: channel; 4: status; 5: end (JSON) of a queued job; 6: end (JSON) of a
--        running one, '' where those are left alone; 7: channel of canceled jobs or '';
--        then for each record: how long it is kept (ms)
-- Returns, for each record: 1 where this call has ended it, else its status ('' = no record).
local answers, ended = {}, {}
for i = 4, #KEYS do
  local key = KEYS[i]
  local held = redis.call('HMGET', key, 'status', 'owner', 'done')
  local status = held[1]
  local ending = status == 'queued' and ARGV[5] or status == 'running' and ARGV[6] or ''
  local id = idOf(key)
  if ending ~= '' then
    redis.call('HSET', key, 'status', ARGV[4], 'ended_at', ARGV[1], 'end', ending)
    if held[3] then
      redis.call('UNLINK', partsOf(key))
    end
    changeStatus(ARGV[2], id, held[2], status, ARGV[4])
    remove(KEYS[1], id)
    remove(KEYS[2], id)
    add(KEYS[3], endOf(ARGV[1], ARGV[i + 4]), id)
    ended[#ended + 1] = id
    answers[i - 3] = 1
  else
    answers[i - 3] = status or ''
  end
end
makeMoves()
tell(ARGV[3], ended)
if ARGV[7] ~= '' then
  tell(ARGV[7], ended)
end
return answers

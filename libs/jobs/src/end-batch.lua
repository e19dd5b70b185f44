-- Ends jobs without a result of theirs: canceled, or expired.
--
-- KEYS   1: waiting, 2: start deadlines, 3: expiries, 4: outbox, then the records
-- ARGV   1: now, ms; 2: lists; 3: channel; 4: couriers' channel; 5: status; 6: end (JSON) of a queued job;
--        7: end (JSON) of a running one, '' where those are left alone; 8: channel of canceled jobs or '';
--        then for each record: how long its result is kept (ms)
-- Returns, for each record: 1 where this call has ended it, else its status ('' = no record).
local answers, ended = {}, {}
for i = 5, #KEYS do
  local key = KEYS[i]
  local held = redis.call('HMGET', key, 'status', 'owner', 'done', 'callback')
  local status = held[1]
  local ending = status == 'queued' and ARGV[6] or status == 'running' and ARGV[7] or ''
  local id = idOf(key)
  if ending ~= '' then
    redis.call('HSET', key, 'status', ARGV[5], 'ended_at', ARGV[1], 'end', ending)
    if held[3] then
      redis.call('UNLINK', partsOf(key))
    end
    changeStatus(ARGV[2], id, held[2], status, ARGV[5])
    remove(KEYS[1], id)
    remove(KEYS[2], id)
    owe(KEYS[4], key, held[4], ARGV[5], ARGV[1])
    add(KEYS[3], endOf(key, ARGV[1], ARGV[i + 4], held[4]), id)
    ended[#ended + 1] = id
    answers[i - 4] = 1
  else
    if status ~= 'queued' then
      remove(KEYS[1], id)
      remove(KEYS[2], id)
    end
    answers[i - 4] = status or ''
  end
end
makeMoves()
tell(ARGV[3], ended)
wakeCouriers(ARGV[4], KEYS[4])
if ARGV[8] ~= '' then
  tell(ARGV[8], ended)
end
return answers

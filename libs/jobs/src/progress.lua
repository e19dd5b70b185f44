-- Keeps what has been computed so far of a running job.
--
-- KEYS   1: record, 2: its parts, 3: outbox
-- ARGV   1: now, ms; 2: fence; 3: instances done; 4: outputs since the last part (JSON); 5: channel;
--        6: couriers' channel; 7: least time between two progress events of a job, ms
-- Returns 0 where the job has ended, or another attempt holds the fence.
local held = redis.call('HMGET', KEYS[1], 'status', 'fence', 'done', 'callback', 'progress_at')
if held[1] ~= 'running' or held[2] ~= ARGV[2] then
  return 0
end
if tonumber(held[3] or 0) >= tonumber(ARGV[3]) then
  return 1 -- sent again, as its answer was lost
end
redis.call('RPUSH', KEYS[2], ARGV[3] .. '\n' .. ARGV[4])
redis.call('HSET', KEYS[1], 'done', ARGV[3])
tell(ARGV[5], { idOf(KEYS[1]) })
if held[4] and ARGV[1] - (held[5] or 0) >= tonumber(ARGV[7]) then
  redis.call('HSET', KEYS[1], 'progress_at', ARGV[1])
  owe(KEYS[3], KEYS[1], held[4], 'progress', ARGV[1], ARGV[3])
  makeMoves()
  wakeCouriers(ARGV[6], KEYS[3])
end
return 1

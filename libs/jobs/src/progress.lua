-- Keeps what has been computed so far of a running job.
--
-- KEYS   1: record, 2: its parts
-- ARGV   1: fence; 2: instances done; 3: outputs since the last part (JSON); 4: channel
-- Returns 0 where the job has ended, or another attempt holds the fence.
local held = redis.call('HMGET', KEYS[1], 'status', 'fence', 'done')
if held[1] ~= 'running' or held[2] ~= ARGV[1] then
  return 0
end
if tonumber(held[3] or 0) >= tonumber(ARGV[2]) then
  return 1 -- sent again, as its answer was lost
end
redis.call('RPUSH', KEYS[2], ARGV[2] .. '\n' .. ARGV[3])
redis.call('HSET', KEYS[1], 'done', ARGV[2])
tell(ARGV[4], { idOf(KEYS[1]) })
return 1

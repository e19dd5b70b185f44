-- Keeps what came of an attempt, with the job.
--
-- KEYS   1: deliveries of the job
-- ARGV   1: sequence; 2: state (JSON); 3: its status; 4: number of the attempt, or '' where none was made;
--        5: the attempt (JSON); 6: how many attempts are kept; 7: how often it had been asked for when this began
-- Returns how many deliveries of the job are pending still; -1 where the job is kept no longer.
local sequence, state = ARGV[1], ARGV[1] .. ':state'
if redis.call('HEXISTS', KEYS[1], sequence) == 0 then
  return -1
end
local before = cjson.decode(redis.call('HGET', KEYS[1], state) or '{"status":"pending","attempts":0}')
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], sequence .. ':' .. ARGV[4], ARGV[5])
  redis.call('HDEL', KEYS[1], sequence .. ':' .. ARGV[4] - ARGV[6])
end
local change = 0
if (before.asked or 0) > tonumber(ARGV[7]) then
  -- Asked for while this was under way: it is sent once more, whatever came of this.
  local attempts = math.max(before.attempts, tonumber(ARGV[4]) or 0)
  redis.call('HSET', KEYS[1], state,
    '{"status":"pending","attempts":' .. attempts .. ',"tried":0,"asked":' .. before.asked .. '}')
elseif before.status == 'pending' or ARGV[3] == 'delivered' then
  redis.call('HSET', KEYS[1], state, ARGV[2])
  change = (before.status == 'pending' and ARGV[3] ~= 'pending') and -1 or 0
end
return redis.call('HINCRBY', KEYS[1], 'open', change)

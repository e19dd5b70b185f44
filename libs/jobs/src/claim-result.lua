-- Looks for a result, and where there is none says who computes it: whoever comes first.
--
-- KEYS   1: the result, 2: the claim to it
-- ARGV   1: name of the process, 2: how long its claim holds, ms
-- Returns the result; else 1 where the process is to compute it, 0 where another one does.
local result = redis.call('GET', KEYS[1])
if result then
  return result
end
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[1] then
  return 0
end
-- Nothing is lost with it but computing: not worth a line of the append-only file, and an answer that waits for that.
redis.set_repl(redis.REPL_NONE)
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
